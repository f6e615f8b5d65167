// The same work as a script would do it: Microsoft's client with its default middleware, 8 requests in flight.
// Reads `{"graph": "http://127.0.0.1:…/graph/v1.0", "token": "…", "devices": ["…"]}` from stdin, writes what came of it to stdout.
import { text } from "node:stream/consumers";
import {
  Client,
  HTTPMessageHandler,
  RetryHandler,
  RetryHandlerOptions,
  TelemetryHandler,
} from "@microsoft/microsoft-graph-client";

const { graph, token, devices } = JSON.parse(await text(process.stdin));
// The client gives its token to https hosts only, so on loopback a handler of ours does; the rest is the default chain.
class Token {
  setNext(next) {
    this.next = next;
  }
  async execute(context) {
    context.options.headers = { ...context.options.headers, Authorization: `Bearer ${token}` };
    await this.next.execute(context);
  }
}
const chain = [new Token(), new RetryHandler(new RetryHandlerOptions()), new TelemetryHandler(), new HTTPMessageHandler()];
chain.slice(0, -1).forEach((handler, place) => handler.setNext(chain[place + 1]));
const client = Client.initWithMiddleware({
  middleware: chain[0],
  baseUrl: `${new URL(graph).origin}/graph/`,
  defaultVersion: "v1.0",
});

const begun = performance.now();
let next = 0;
let unresolved = 0;
async function worker() {
  while (next < devices.length) {
    const id = devices[next];
    next += 1;
    try {
      await client.api(`/deviceManagement/managedDevices/${id}/recoverPasscode`).post({});
    } catch {
      unresolved += 1;
    }
  }
}
await Promise.all(Array.from({ length: 8 }, worker));
process.stdout.write(JSON.stringify({ seconds: (performance.now() - begun) / 1000, unresolved }));
