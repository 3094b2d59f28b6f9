/** Settings of the AI SDK. Imported for their effect, before the SDK is used. */

// The SDK prints warnings about requests by itself; what is logged here is decided here.
globalThis.AI_SDK_LOG_WARNINGS = false;
