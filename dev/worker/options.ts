/** What the process that runs the Worker is told. */
import { z } from 'zod';

export const workerOptionsSchema = z.object({
  /** Of its own, for what it makes. */
  folder: z.string(),
  port: z.number().int(),
  /** The Worker's variables and secrets. */
  variables: z.record(z.string(), z.string()),
  /** The module of another wiring of the Worker; null for wrangler.toml's. */
  entry: z.string().nullable(),
  /** Where the rooms' own storage is. */
  stateDir: z.string(),
  /** Bundles anew when a source changes. */
  isWatching: z.boolean(),
  /** How far the runtime's clock is off, in milliseconds, and how many times too fast it runs. */
  clock: z.object({ skewMs: z.number(), rate: z.number().positive() }),
  /** For the runtime's inspector; null: none. */
  inspectorPort: z.number().int().nullable(),
});
export type WorkerOptions = z.infer<typeof workerOptionsSchema>;
