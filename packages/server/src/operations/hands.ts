import type { Services } from '../services.ts';

/** What this process has in hand: operation → how to stop it. The database cannot know it, since the worker lives. */
const inHand = new WeakMap<Services, Map<string, AbortController>>();

export function handsOf(services: Services): Map<string, AbortController> {
  let hands = inHand.get(services);
  if (!hands) {
    hands = new Map();
    inHand.set(services, hands);
  }
  return hands;
}
