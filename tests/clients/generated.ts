// The TypeScript client (`typescript-fetch`) that openapi-generator makes of the contract.

import {
    AkanaApi, ClearsquareApi, ClearsquareOutcome, Configuration, ConfigurationParameters, MediconnectApi, ResponseError,
    ScimApi, ScimPatchOp, ScimPatchPath, ScimPatchSchemasEnum, SymphonyAccountState, SymphonyApi, UserdocksAccessStatus,
    UserdocksApi,
} from "./client";

declare const process: { env: Record<string, string>; exit(code: number): never };

const { MOCK_URL, CREDENTIALS, GENERATOR } = process.env;
const credentials = JSON.parse(CREDENTIALS);
const client = `openapi-generator ${GENERATOR} typescript-fetch`;
let passed = 0;

const USERDOCKS = "6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11";
const AKANA = "f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp";
const MEDICONNECT = 42;
const SYMPHONY = 7215545078541;
const CLEARSQUARE = "634441cecbb5901d133039f8";
const SCIM = "2819c223-7f76-453a-919d-413861904646";

function expect(operation: string, expected: unknown, got: unknown) {
    if (got !== expected) {
        console.error(`${client}: ${operation}: expected ${expected}, got ${got}`);
        process.exit(1);
    }
    passed += 1;
}

/** What a call gives: its value, or the status of the client's error. */
async function outcome(call: () => Promise<unknown>): Promise<unknown> {
    try {
        return await call();
    } catch (error) {
        return error instanceof ResponseError ? error.response.status : error;
    }
}

/** `change` says whether the answer confirms it; `read` whether the account is active. */
async function check(
    operation: string,
    change: (trusted: boolean, active: boolean) => Promise<boolean>,
    read: () => Promise<boolean | undefined>,
) {
    for (const [trusted, active, answer] of [[true, false, true], [true, true, true], [false, false, 401]] as const) {
        const what = `${operation} ${active ? "on" : "off"}${trusted ? "" : " with a bad credential"}`;
        expect(what, answer, await outcome(() => change(trusted, active)));
        expect(`the account after ${what}`, trusted ? active : true, await outcome(read));
    }
}

const configured = (rest: ConfigurationParameters) => new Configuration({ basePath: MOCK_URL, ...rest });

const userdocks = (trusted: boolean) => {
    const keys = { ...credentials.userdocks, ...(trusted ? {} : { "X-API-KEY": "wrong" }) };
    return new UserdocksApi(configured({ apiKey: (name) => keys[name] }));
};
const akana = (trusted: boolean) => {
    const { AtmoAuthToken_acmepaymentscorp: session, ...keys } = credentials.akana;
    // The generator leaves out API keys in cookies.
    const headers = { Cookie: `AtmoAuthToken_acmepaymentscorp=${trusted ? session : "wrong"}` };
    return new AkanaApi(configured({ apiKey: (name) => keys[name], headers }));
};
const mediconnect = (trusted: boolean) =>
    new MediconnectApi(configured({ accessToken: trusted ? credentials.mediconnect.bearer : "wrong" }));
const symphony = (trusted: boolean) =>
    new SymphonyApi(configured({ apiKey: trusted ? credentials.symphony.sessionToken : "wrong" }));
const scim = (trusted: boolean) =>
    new ScimApi(configured({ accessToken: trusted ? credentials.scim.bearer : "wrong" }));

async function main() {
    await check(
        "userdocks setAccessStatus",
        async (trusted, active) => {
            const accessStatus = active ? UserdocksAccessStatus.Unfreezed : UserdocksAccessStatus.Freezed;
            return (await userdocks(trusted).setAccessStatus({ userId: USERDOCKS, accessStatus })).success;
        },
        async () => !(await userdocks(true).getUser({ userId: USERDOCKS })).data.freezed,
    );
    await check(
        "akana changeUserStatus",
        async (trusted, active) => {
            const userStatus = `com.soa.user.status.${active ? "enabled" : "locked"}`;
            const request = { userID: AKANA, akanaChangeUserStatusRequest: { userStatus } };
            return (await akana(trusted).changeUserStatus(request)).locked === !active;
        },
        async () => !(await akana(true).getPlatformUser({ userID: AKANA })).locked,
    );
    await check(
        "mediconnect toggleUserStatus",
        async (trusted, active) => {
            const mediconnectToggleUserStatusRequest = { isActive: active, isSuspended: false };
            const request = { id: MEDICONNECT, mediconnectToggleUserStatusRequest };
            return (await mediconnect(trusted).toggleUserStatus(request)).isActive === active;
        },
        async () => (await mediconnect(true).getAdminUser({ id: MEDICONNECT })).isActive,
    );
    await check(
        "symphony updateUserStatus",
        async (trusted, active) => {
            const status = active ? SymphonyAccountState.Enabled : SymphonyAccountState.Disabled;
            const answer = await symphony(trusted).updateUserStatus({ uid: SYMPHONY, symphonyUserStatus: { status } });
            return answer.message !== undefined;
        },
        async () => (await symphony(true).getUserStatus({ uid: SYMPHONY })).status === SymphonyAccountState.Enabled,
    );
    await check(
        "clearsquare manageUserStatus",
        async (trusted) => {
            const token = trusted ? credentials.clearsquare.bearer : "wrong";
            const clearsquareManageStatusRequest = { id: CLEARSQUARE, token };
            const api = new ClearsquareApi(configured({ accessToken: token }));
            const answer = await api.manageUserStatus({ clearsquareManageStatusRequest });
            return answer.status === ClearsquareOutcome.Success;
        },
        // ClearSquare has no read: the server's own word, if it has one.
        async () => {
            const answer = await fetch(`${MOCK_URL}/__admin/users/clearsquare/${CLEARSQUARE}`);
            return answer.status === 404 ? undefined : (await answer.json()).status.enabled;
        },
    );
    await check(
        "scim patchScimUser",
        async (trusted, active) => {
            const schemas = [ScimPatchSchemasEnum.UrnIetfParamsScimApiMessages20PatchOp];
            const operation = { op: ScimPatchOp.Replace, path: ScimPatchPath.Active, value: active };
            const scimPatch = { schemas, operations: [operation] };
            return (await scim(trusted).patchScimUser({ id: SCIM, scimPatch }))?.active === active;
        },
        async () => (await scim(true).getScimUser({ id: SCIM, attributes: "active" })).active,
    );
    console.log(`${client}: ${passed} passed`);
}

main();
