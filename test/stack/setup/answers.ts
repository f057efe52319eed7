import { holdToContract, routeOf } from "../api-contract.ts";

/** Every answer of the API that a test gets is held to what is documented of it. */
const send = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const response = await send(input, init);
  const { url, method } = new Request(input instanceof Request ? input : String(input), {
    method: init?.method ?? "GET",
  });
  const address = new URL(url);
  // A clone that nobody reads would hold up whoever cancels the answer.
  if (address.hostname === "127.0.0.1" && routeOf(method, address) !== undefined)
    await holdToContract(method, address, response.clone());
  return response;
};
