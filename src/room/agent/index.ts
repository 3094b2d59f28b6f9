export type { Counted, Quota } from '../../access/shared-limit.ts';
export { type Agent, type Answer, createAgent } from './agent.ts';
export { countedPerson } from './counted-person.ts';
export { type CountedRequest, DailyLimits } from './daily-limits.ts';
export type { CountedPerson } from './desk-request.ts';
export { AgentError, NO_AI } from './errors.ts';
export type { ModelChoice } from './models.ts';
export type { Turn } from './prompt.ts';
