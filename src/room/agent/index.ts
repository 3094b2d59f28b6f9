export type { Counted, Quota } from '../../access/shared-limit.ts';
export { type Agent, type Answer, createAgent } from './agent.ts';
export { countedPerson } from './counted-person.ts';
export { type CountedPerson, type CountedRequest, DailyLimits } from './daily-limits.ts';
export { AgentError } from './errors.ts';
export type { ModelChoice } from './models.ts';
export type { Turn } from './prompt.ts';
