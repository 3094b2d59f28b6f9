export { type Agent, type Answer, createAgent } from './agent.ts';
export { countedPerson } from './counted-person.ts';
export { type Counted, type CountedPerson, DailyLimits, type Quota } from './daily-limits.ts';
export { AgentError } from './errors.ts';
export type { ModelChoice } from './models.ts';
export type { Turn } from './prompt.ts';
