import { startTestServer } from 'keelson/testing';

/**
 * What the examples talk to: the API that OPENAI_API_KEY or OPENAI_BASE_URL name, else a local stand-in, which prints
 * a line saying so. `await using` ends the stand-in with the example.
 */
export async function connect() {
  const { OPENAI_API_KEY, OPENAI_BASE_URL } = process.env;
  if (OPENAI_API_KEY || OPENAI_BASE_URL) {
    return { options: { apiKey: OPENAI_API_KEY || 'none' }, async [Symbol.asyncDispose]() {} };
  }
  const server = await startTestServer();
  console.log(server.banner);
  return {
    options: { apiKey: 'any', baseURL: server.baseURL },
    [Symbol.asyncDispose]: () => server.close(),
  };
}
