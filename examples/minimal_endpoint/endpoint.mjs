// A session endpoint in one file, with Node's own modules alone: what the contract asks for, and no agent.
//
//   AGORA_APP_ID=... AGORA_APP_CERTIFICATE=... SESSION_CLIENT_ID=... SESSION_SECRET=... node endpoint.mjs 8080
//
// For whoever wants to read, or to port, what `session-service check` expects. `started` is where an agent belongs.

import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { deflateSync } from "node:zlib";

const { AGORA_APP_ID, AGORA_APP_CERTIFICATE, SESSION_CLIENT_ID, SESSION_SECRET } = process.env;
const PATH = "/cekura/v1/sessions";
const TESTER_UID = "1"; // the platform joins as uid 1; in a token a uid is decimal text
const LIFETIME = 3900; // seconds: the longest call, and some slack
const MOST_BODY = 16 * 1024;

const u16 = (number) => { const bytes = Buffer.alloc(2); bytes.writeUInt16LE(number); return bytes; };
const u32 = (number) => { const bytes = Buffer.alloc(4); bytes.writeUInt32LE(number); return bytes; };
const packed = (text) => { const bytes = Buffer.from(text); return Buffer.concat([u16(bytes.length), bytes]); };
const hmac = (key, message) => createHmac("sha256", key).update(message).digest();

// A token of version 007 that lets the tester join this channel and speak in it.
function token(channel) {
  const issuedAt = Math.floor(Date.now() / 1000);
  const salt = randomInt(1, 99_999_999);
  const privileges = [1, 2, 3, 4].flatMap((number) => [u16(number), u32(LIFETIME)]); // join, audio, video, data
  const rtc = [u16(1), u16(4), ...privileges, packed(channel), packed(TESTER_UID)];
  const body = Buffer.concat([packed(AGORA_APP_ID), u32(issuedAt), u32(LIFETIME), u32(salt), u16(1), ...rtc]);
  const key = hmac(u32(salt), hmac(u32(issuedAt), AGORA_APP_CERTIFICATE));
  return "007" + deflateSync(Buffer.concat([packed(hmac(key, body)), body])).toString("base64");
}

// The join details of a new session. Start your agent here, in this channel, with a uid that is not 1.
function started() {
  const channel = `cekura-${randomBytes(16).toString("hex")}`;
  return { agora_app_id: AGORA_APP_ID, agora_channel: channel, agora_token: token(channel) };
}

// Digests are of one length, which timingSafeEqual wants.
const digest = (text, encoding) => createHash("sha256").update(text, encoding).digest();
const same = (one, other) => timingSafeEqual(digest(one, "latin1"), digest(other, "latin1"));

// Node joins repeated headers, so the raw list tells whether the secret came exactly once.
function authorized(request) {
  const sent = request.rawHeaders.filter((_, at, all) => at % 2 && all[at - 1].toLowerCase() === "x-cekura-secret");
  return sent.length === 1 && same(sent[0], SESSION_SECRET);
}

async function clientId(request, url) {
  if (request.method === "GET") return url.searchParams.get("client_id");
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MOST_BODY) throw new RangeError("too long");
    chunks.push(chunk);
  }
  const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  const document = JSON.parse(text);
  return document === null || Array.isArray(document) ? undefined : document.client_id;
}

// The status to refuse with, 200 where there is no reason to: who asks, before what is asked.
async function judged(request) {
  const url = new URL(request.url, "http://unused");
  if (url.pathname !== PATH) return 404;
  if (!["POST", "GET"].includes(request.method)) return 405;
  if (!authorized(request)) return 401;
  const asked = await clientId(request, url);
  if (typeof asked !== "string" || asked === "") return 400;
  return asked === SESSION_CLIENT_ID ? 200 : 403;
}

const server = createServer(async (request, response) => {
  let status = 400;
  try {
    status = await judged(request);
  } catch (error) {
    status = error instanceof RangeError ? 413 : 400;
  }
  const body = JSON.stringify(status === 200 ? started() : { error: "refused" });
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Request-Id": randomBytes(8).toString("hex"),
  };
  if (status === 405) headers.Allow = "POST, GET";
  if (status !== 200) headers.Connection = "close"; // whoever was refused may have sent more than was read
  response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body);
});

server.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}${PATH}`);
});
