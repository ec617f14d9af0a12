// An application with better-auth, its memory adapter and its own plugin for SCIM, with the plugin's defaults.
// `/dump` is the database; `/set-password` gives a user who came by SCIM a password to sign in with.
import http from "node:http";
import { betterAuth } from "better-auth";
import { getAuthTables } from "better-auth/db";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { bearer } from "better-auth/plugins";
import { scim } from "@better-auth/scim";

const [port, token] = [Number(process.argv[2]), process.argv[3]];
const database = {};
const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: "0123456789abcdef0123456789abcdef-0123456789",
  telemetry: { enabled: false },
  database: memoryAdapter(database),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  plugins: [
    bearer(),
    scim({
      connections: [{ id: "corp", credentials: [{ type: "bearer", id: "c1", token }] }],
      identity: { reconcileUser() {} },
    }),
  ],
};
for (const table of Object.values(getAuthTables(options))) database[table.modelName] = [];
const auth = betterAuth(options);
const handler = toNodeHandler(auth);

async function setPassword(email, password) {
  const context = await auth.$context;
  const { user } = await context.internalAdapter.findUserByEmail(email);
  const account = { userId: user.id, accountId: user.id, providerId: "credential" };
  await context.internalAdapter.linkAccount({ ...account, password: await context.password.hash(password) });
}

http.createServer((request, response) => {
  const url = new URL(request.url, options.baseURL);
  if (url.pathname === "/dump") return response.end(JSON.stringify(database.scimUser));
  if (url.pathname !== "/set-password") return handler(request, response);
  setPassword(url.searchParams.get("email"), url.searchParams.get("password"))
    .then(() => response.end("done"), (error) => { response.statusCode = 500; response.end(String(error)); });
}).listen(port, "127.0.0.1");
