/** What `npm audit --json` says, judged. */
import { z } from 'zod';

const SEVERE = ['high', 'critical'];

const severity = z.enum(['info', 'low', 'moderate', 'high', 'critical']);
/** https://docs.npmjs.com/cli/commands/npm-audit: `auditReportVersion` 2. */
const reportSchema = z.object({
  vulnerabilities: z.record(
    z.string(),
    z.object({
      severity,
      range: z.string(),
      via: z.array(z.union([z.string(), z.object({ title: z.string(), url: z.string() })])),
    }),
  ),
});
/** What npm says when the registry doesn't answer, or not as one that knows of advisories. */
const failureSchema = z.union([
  z.object({ message: z.string() }),
  z.object({ error: z.object({ summary: z.string() }) }),
]);

/**
 * @returns whether nothing severe is known, and what to say. An answer that can't be read isn't
 *   fine: it would hide one.
 */
export function judgeAudit(output: string): { isFine: boolean; lines: string[] } {
  const raw = parse(output);
  const report = reportSchema.safeParse(raw);
  if (!report.success) {
    const failure = failureSchema.safeParse(raw);
    if (!failure.success)
      return { isFine: false, lines: ['dependencies: npm audit said nothing that can be read'] };
    const why = 'message' in failure.data ? failure.data.message : failure.data.error.summary;
    return { isFine: true, lines: [`dependencies: not audited, the registry does not answer: ${why}`] };
  }
  const found = Object.entries(report.data.vulnerabilities);
  const severe = found.filter(([, { severity }]) => SEVERE.includes(severity));
  const lines = severe.map(([name, { severity, range, via }]) => {
    const [why] = via.flatMap((cause) => (typeof cause === 'string' ? [] : [`${cause.title} ${cause.url}`]));
    return `dependencies: ${severity}: ${name} ${range}${why === undefined ? '' : `: ${why}`}`;
  });
  const rest = found.length - severe.length;
  lines.push(
    `dependencies: ${severe.length} known vulnerabilities of high severity or worse, ${rest} of less`,
  );
  return { isFine: severe.length === 0, lines };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
