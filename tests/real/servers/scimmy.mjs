// A service with scimmy: the protocol is theirs, the store is this map. `/dump` is the store itself.
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, token] = [Number(process.argv[2]), process.argv[3]];
const users = new Map();
let number = 0;

function known(id) {
  if (!users.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
  return users.get(id);
}

SCIMMY.Resources.declare(SCIMMY.Resources.User)
  .ingress((resource, instance) => {
    const before = resource.id && known(resource.id);
    const id = resource.id ?? `u-${++number}`;
    const same = (user) => user.id !== id && user.userName.toLowerCase() === instance.userName.toLowerCase();
    if ([...users.values()].some(same)) throw new SCIMMY.Types.Error(409, "uniqueness", "userName is taken");
    const now = new Date().toISOString();
    const meta = { created: before?.meta.created ?? now, lastModified: now };
    const user = JSON.parse(JSON.stringify({ ...instance, id, meta }));
    users.set(id, user);
    return user;
  })
  .egress((resource) => {
    if (resource.id) return known(resource.id);
    const all = [...users.values()];
    return resource.filter ? resource.filter.match(all) : all;
  })
  .degress((resource) => {
    known(resource.id);
    users.delete(resource.id);
  });
SCIMMY.Config.set({ patch: true, filter: true, bulk: { supported: true, maxOperations: 100 }, etag: false });

const app = express();
app.get("/dump", (_, response) => response.json([...users.values()]));
app.use("/scim/v2", new SCIMMYRouters({
  type: "bearer",
  handler: (request) => {
    if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("Authorization not detected!");
    return "admin";
  },
}));
app.listen(port, "127.0.0.1");
