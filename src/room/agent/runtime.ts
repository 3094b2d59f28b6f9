/** What the AI SDK is told about its surroundings. Imported for its effect, before the SDK is used. */

// The SDK prints warnings about requests by itself; what is logged here is decided here.
globalThis.AI_SDK_LOG_WARNINGS = false;
