/** The Prometheus text format, version 0.0.4. */

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface Metric {
  /** Without the prefix; a counter's ends in `_total`. */
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  value: number;
}

/** One sample for each metric, under `backbeat_`. */
export function prometheusText(metrics: readonly Metric[]): string {
  return metrics
    .map(({ name, type, help, value }) => {
      const fullName = `backbeat_${name}`;
      return `# HELP ${fullName} ${help}\n# TYPE ${fullName} ${type}\n${fullName} ${value}\n`;
    })
    .join('');
}
