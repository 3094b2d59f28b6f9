/**
 * What the AI SDK expects of its surroundings, and doesn't find in a room. Imported for its effect, before the SDK is used.
 */

// PartyKit's bundler puts a module namespace in the place of `performance`; its functions are lost on the way.
if (typeof globalThis.performance?.now !== 'function') {
  Object.defineProperty(globalThis, 'performance', {
    value: { timeOrigin: 0, now: () => Date.now() },
    writable: true,
    configurable: true,
  });
}

// The SDK prints warnings about requests by itself; what is logged here is decided here.
globalThis.AI_SDK_LOG_WARNINGS = false;
