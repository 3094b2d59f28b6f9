/**
 * What `partyserver.ts` uses of the Workers runtime. The rest of the project has only the types that it
 * shares with browsers.
 */
declare module 'cloudflare:workers' {
  export interface DurableObjectState {
    storage: import('../room/host.ts').RoomStorage;
  }
  export interface DurableObjectNamespace {
    /** Makes a stub; the object itself starts at the first request. */
    getByName(name: string): { fetch(url: string, init?: RequestInit): Promise<Response> };
  }
  export interface ScheduledController {
    /** When the cron was due, in milliseconds since the epoch. */
    scheduledTime: number;
  }
  export abstract class DurableObject<Env> {
    constructor(ctx: DurableObjectState, env: Env);
    protected readonly ctx: DurableObjectState;
    protected readonly env: Env;
    fetch?(request: Request): Response | Promise<Response>;
  }
}
