import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.agora.media.AccessToken;
import io.agora.media.AccessToken2;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Agora's token builders for Java, one JSON question a line: reads and verifies `token`, and mints its own from the rest.
 *
 * <p>They encode text in the platform's default charset, so this must run with -Dfile.encoding=UTF-8 before Java 18.
 */
final class Tokens {
    public static void main(String[] arguments) throws Exception {
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            JsonObject question = JsonParser.parseString(line).getAsJsonObject();
            answers.println(text(question, "version").equals("007") ? current(question) : older(question));
        }
    }

    private static JsonObject current(JsonObject question) throws Exception {
        AccessToken2 token = new AccessToken2(text(question, "app_id"), text(question, "certificate"), number(question, "lifetime"));
        token.issueTs = number(question, "issued_at");
        token.salt = number(question, "salt");
        question.getAsJsonArray("services").forEach(written -> token.addService(service(written.getAsJsonObject())));

        AccessToken2 read = new AccessToken2();
        boolean readable = read.parse(text(question, "token"));
        JsonObject answer = new JsonObject();
        answer.addProperty("minted", token.build());
        answer.addProperty("readable", readable);
        answer.addProperty("app_id", read.appId);
        answer.addProperty("issued_at", Integer.toUnsignedLong(read.issueTs));
        answer.addProperty("lifetime", Integer.toUnsignedLong(read.expire));
        answer.addProperty("salt", Integer.toUnsignedLong(read.salt));
        JsonArray services = new JsonArray();
        read.services.values().forEach(service -> services.add(written(service)));
        answer.add("services", services);
        // There is no verification in this release: what was read is signed and built again.
        read.appCert = text(question, "certificate");
        answer.addProperty("rebuilt", read.build());
        return answer;
    }

    private static AccessToken2.Service service(JsonObject written) {
        AccessToken2.Service made = empty(written);
        made.privileges = privileges(written);
        return made;
    }

    private static AccessToken2.Service empty(JsonObject written) {
        switch (written.get("type").getAsShort()) {
            case AccessToken2.SERVICE_TYPE_RTC:
                return new AccessToken2.ServiceRtc(text(written, "channel"), uid(written.get("uid")));
            case AccessToken2.SERVICE_TYPE_RTM:
                return new AccessToken2.ServiceRtm(text(written, "user_id"));
            case AccessToken2.SERVICE_TYPE_FPA:
                return new AccessToken2.ServiceFpa();
            case AccessToken2.SERVICE_TYPE_CHAT:
                return new AccessToken2.ServiceChat(text(written, "user_id"));
            case AccessToken2.SERVICE_TYPE_APAAS:
                return new AccessToken2.ServiceApaas(text(written, "room"), text(written, "user"), written.get("role").getAsShort());
            default:
                throw new IllegalArgumentException("this release knows no such service");
        }
    }

    private static String uid(JsonElement uid) {
        boolean isNumber = uid.getAsJsonPrimitive().isNumber();
        return isNumber ? AccessToken2.getUidStr((int) uid.getAsLong()) : uid.getAsString();
    }

    private static JsonObject written(AccessToken2.Service read) {
        JsonObject written = new JsonObject();
        written.addProperty("type", read.getServiceType());
        written.add("privileges", privileges(read.getPrivileges()));
        if (read instanceof AccessToken2.ServiceRtc) {
            written.addProperty("channel", ((AccessToken2.ServiceRtc) read).getChannelName());
            written.addProperty("uid", ((AccessToken2.ServiceRtc) read).getUid());
        } else if (read instanceof AccessToken2.ServiceRtm) {
            written.addProperty("user_id", ((AccessToken2.ServiceRtm) read).getUserId());
        } else if (read instanceof AccessToken2.ServiceChat) {
            written.addProperty("user_id", ((AccessToken2.ServiceChat) read).getUserId());
        } else if (read instanceof AccessToken2.ServiceApaas) {
            written.addProperty("room", ((AccessToken2.ServiceApaas) read).getRoomUuid());
            written.addProperty("user", ((AccessToken2.ServiceApaas) read).getUserUuid());
            written.addProperty("role", ((AccessToken2.ServiceApaas) read).getRole());
        }
        return written;
    }

    private static JsonObject older(JsonObject question) throws Exception {
        AccessToken token = legacy(question);
        token.message.salt = number(question, "salt");
        token.message.ts = number(question, "expires_at");
        token.message.messages = privileges(question);

        AccessToken read = legacy(question);
        boolean readable = read.fromString(text(question, "token"));
        byte[] expected = AccessToken.generateSignature(
                read.appCertificate, read.appId, read.channelName, read.uid, read.messageRawContent);
        JsonObject answer = new JsonObject();
        answer.addProperty("valid", readable && Arrays.equals(expected, read.signature));
        answer.addProperty("salt", Integer.toUnsignedLong(read.message.salt));
        answer.addProperty("expires_at", Integer.toUnsignedLong(read.message.ts));
        answer.add("privileges", privileges(read.message.messages));
        answer.addProperty("minted", token.build());
        return answer;
    }

    private static AccessToken legacy(JsonObject question) {
        return new AccessToken(
                text(question, "app_id"), text(question, "certificate"), text(question, "channel"), text(question, "uid"));
    }

    private static TreeMap<Short, Integer> privileges(JsonObject written) {
        TreeMap<Short, Integer> privileges = new TreeMap<>();
        for (Map.Entry<String, JsonElement> entry : written.getAsJsonObject("privileges").entrySet()) {
            privileges.put(Short.valueOf(entry.getKey()), (int) entry.getValue().getAsLong());
        }
        return privileges;
    }

    private static JsonObject privileges(Map<Short, Integer> read) {
        JsonObject written = new JsonObject();
        read.forEach((number, seconds) -> written.addProperty(number.toString(), Integer.toUnsignedLong(seconds)));
        return written;
    }

    private static String text(JsonObject object, String name) {
        return object.get(name).getAsString();
    }

    private static int number(JsonObject object, String name) {
        return (int) object.get(name).getAsLong();
    }
}
