/** What stands for `keelson/sync` where a thread cannot block. */
export const SyncOpenAIClient: unknown = undefined;
export const createSyncClient: unknown = undefined;

throw new Error(
  "keelson/sync does not work in a browser: its page must not block, and has no Node.js worker. Import 'keelson' and await its clients.",
);
