// Agora's token builders for Node, one JSON question a line: reads and verifies `token`, and mints its own from the rest.
'use strict'

const readline = require('node:readline')
const agora = require('agora-token/src/AccessToken2')
const legacy = require('agora-access-token/src/AccessToken')

// Each service: its class, and where the class keeps what a constructor takes, in order.
const KINDS = {
  1: [agora.ServiceRtc, { channel: '__channel_name', uid: '__uid' }],
  2: [agora.ServiceRtm, { user_id: '__user_id' }],
  3: [agora.ServiceStreaming, { channel: '__channel_name', account: '__account' }],
  4: [agora.ServiceFpa, {}],
  5: [agora.ServiceChat, { user_id: '__user_id' }],
  6: [agora.ServiceFCdn, { channel: '__channel_name', account: '__account' }],
  7: [agora.ServiceApaas, { room: '__room_uuid', user: '__user_uuid', role: '__role' }],
  8: [agora.ServiceRtm2, { user_id: '__user_id', permissions: '__permissions' }],
  9: [agora.ServiceConvoAI, {}],
  10: [agora.ServiceStt, {}]
}

function service (written) {
  const [Kind, places] = KINDS[written.type]
  const made = new Kind(...Object.keys(places).map(name => argument(name, written[name])))
  // The constructor takes role 0 for none at all.
  if ('role' in written) made.__role = written.role
  Object.entries(written.privileges).forEach(([number, seconds]) => made.add_privilege(number, seconds))
  return made
}

function argument (name, value) {
  return name === 'permissions' ? Object.assign(new agora.ServiceRtm2().__permissions, { details: value }) : value
}

function written (read) {
  const fields = Object.entries(KINDS[read.service_type()][1]).map(([name, place]) => [name, value(name, read[place])])
  return { type: read.service_type(), privileges: read.__privileges, ...Object.fromEntries(fields) }
}

function value (name, read) {
  if (name === 'permissions') return read.details
  // The reader takes the signed 16 bits of a role for unsigned.
  return name === 'role' ? read << 16 >> 16 : read.toString()
}

function current (question) {
  const token = new agora.AccessToken2(question.app_id, question.certificate, question.issued_at, question.lifetime)
  token.salt = question.salt
  question.services.forEach(one => token.add_service(service(one)))

  const read = new agora.AccessToken2()
  const readable = read.from_string(question.token)
  return {
    minted: token.build(),
    valid: readable && read.verifySignature(question.certificate),
    app_id: read.appId.toString(),
    issued_at: read.issueTs,
    lifetime: read.expire,
    salt: read.salt,
    services: read.services.map(written)
  }
}

// Version 006 has no verification: what was read is built again, and must give the same text.
function older (question) {
  const read = new legacy.AccessToken(question.app_id, question.certificate, question.channel, question.uid)
  const readable = read.fromString(question.token)
  const { salt, ts, messages } = read
  const valid = readable && read.build() === question.token

  const token = new legacy.AccessToken(question.app_id, question.certificate, question.channel, question.uid)
  Object.assign(token, { salt: question.salt, ts: question.expires_at, messages: question.privileges })
  return { minted: token.build(), valid, salt, expires_at: ts, privileges: messages }
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  const question = JSON.parse(line)
  process.stdout.write(JSON.stringify(question.version === '007' ? current(question) : older(question)) + '\n')
})
