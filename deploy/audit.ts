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
 * `fine`: nothing severe is known; `severe`: something is, or the answer can't be read, which would hide it;
 * `unchecked`: the registry didn't say.
 */
export type AuditOutcome = 'fine' | 'severe' | 'unchecked';

/** @returns what the answer comes to, and what to say. */
export function judgeAudit(output: string): { outcome: AuditOutcome; lines: string[] } {
  const raw = parse(output);
  const report = reportSchema.safeParse(raw);
  if (!report.success) {
    const failure = failureSchema.safeParse(raw);
    if (!failure.success)
      return { outcome: 'severe', lines: ['dependencies: npm audit said nothing that can be read'] };
    const why = 'message' in failure.data ? failure.data.message : failure.data.error.summary;
    return {
      outcome: 'unchecked',
      lines: [`dependencies: NOT CHECKED, because the registry does not answer: ${why}`],
    };
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
  return { outcome: severe.length === 0 ? 'fine' : 'severe', lines };
}

/**
 * How GitHub shows on a run's page what it else only finds in its log: the line of the log that makes an
 * annotation. Line breaks and percent signs are written as its documentation says.
 */
export function annotationOf(outcome: AuditOutcome, lines: readonly string[]): string | null {
  if (outcome === 'fine') return null;
  const text = lines.join('\n').replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  return outcome === 'severe'
    ? `::error title=Dependencies::${text}`
    : `::warning title=Dependencies::${text}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
