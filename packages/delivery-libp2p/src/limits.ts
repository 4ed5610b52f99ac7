/** What one peer may cost us. Every number bounds memory, time or traffic that somebody else could cause. */
export interface Limits {
  /** Largest message that is carried at all. */
  readonly messageBytesMax: number
  /** Larger messages do not go through gossip, which sends each copy to several peers, but by stream. */
  readonly gossipBytesMax: number
  /** Most messages of one topic that are compared. */
  readonly idsMax: number
  /** Most missing messages that one session looks for; the next session goes on from there. */
  readonly missingMax: number
  /** Most requests of one session. */
  readonly requestsMax: number
  /** Longest silence of a peer within a session, in milliseconds. */
  readonly idleMs: number
  /** Longest session, in milliseconds. */
  readonly sessionMs: number
  /** Sessions that we run at once: in all, for one topic, and with one peer, who serves only so many. */
  readonly sessionsMax: number
  readonly sessionsPerTopicMax: number
  readonly sessionsPerPeerMax: number
  /** Streams that we answer at once, in all and for one peer. */
  readonly servedMax: number
  readonly servedPerPeerMax: number
  /** Identifiers remembered for each topic, so that nothing is handed over or asked for twice. */
  readonly rememberedMax: number
}

export const DEFAULT_LIMITS: Limits = {
  messageBytesMax: 16 * 2 ** 20,
  gossipBytesMax: 2 ** 19,
  idsMax: 1_000_000,
  missingMax: 65_536,
  requestsMax: 8192,
  idleMs: 10_000,
  sessionMs: 600_000,
  sessionsMax: 8,
  sessionsPerTopicMax: 2,
  sessionsPerPeerMax: 4,
  servedMax: 64,
  servedPerPeerMax: 8,
  rememberedMax: 65_536,
}
