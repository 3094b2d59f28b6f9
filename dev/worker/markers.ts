/** Where the Worker's scheduled handler is called. */
export const SCHEDULED_PATH = '/cdn-cgi/handler/scheduled';

/** Printed before the runtime is replaced for a changed source: the stack doesn't take it for dead. */
export const RELOADING = 'Reloading the Worker';
