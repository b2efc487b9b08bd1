/** The local server in a process of its own: the one that tests is blocked while it waits. */
import { startTestServer, type Fault } from 'keelson/testing';

const lines: string[] = [];
const server = await startTestServer({ log: (line) => lines.push(line) });

process.on('message', (message: { fault?: Fault | Fault[]; reset?: true }) => {
  if (message.fault) server.fault(message.fault);
  if (message.reset) {
    server.reset();
    lines.length = 0;
  }
  process.send?.({ requests: server.requests, lines });
});
process.on('disconnect', () => process.exit());
process.send?.({ baseURL: server.baseURL });
