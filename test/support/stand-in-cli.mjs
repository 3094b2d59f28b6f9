/**
 * Stands in for wrangler and drizzle-kit: records each call, plays a platform of a few files, and fails when
 * it is told to. Its arguments: the folder of its state (calls.ndjson, platform.json, faults.json), the
 * program's name, and the program's arguments.
 */
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [folder, program, ...args] = process.argv.slice(2);
const at = (name) => join(folder, name);
const load = (name) => JSON.parse(readFileSync(at(name), 'utf8'));
const option = (flag) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
const all = (flag) => args.flatMap((arg, i) => (args[i - 1] === flag ? [arg] : []));

const files = {};
const privateFolder = dirname(process.env.WRANGLER_LOG_PATH);
for (const arg of args) {
  if (arg.startsWith(privateFolder) && existsSync(arg)) {
    files[arg] = { content: readFileSync(arg, 'utf8'), mode: (statSync(arg).mode & 0o777).toString(8) };
  }
}
appendFileSync(
  at('calls.ndjson'),
  `${JSON.stringify({ pid: process.pid, program, args, env: process.env, cwd: process.cwd(), files })}\n`,
);

const fail = (...lines) => {
  for (const line of lines) console.error(line);
  process.exit(1);
};
const line = [program, ...args].join(' ');
const faults = load('faults.json');
const fault = faults.find(({ on, times }) => times > 0 && line.includes(on));
if (fault) {
  fault.times -= 1;
  writeFileSync(at('faults.json'), JSON.stringify(faults));
}
if (fault?.when === 'hang') {
  console.log('hanging');
  setInterval(() => {}, 1_000);
  await new Promise(() => {});
}
// A failing program may print all that it knows.
const gossip = [JSON.stringify(process.env), ...Object.values(files).map(({ content }) => content)];
if (fault?.when === 'before') fail('a fault before', ...gossip);

const platform = load('platform.json');
const save = () => writeFileSync(at('platform.json'), JSON.stringify(platform));

if (program === 'drizzle-kit') {
  const host = new URL(process.env.DATABASE_URL).hostname;
  platform.migrated[host] = (platform.migrated[host] ?? 0) + 1;
  save();
} else if (line.startsWith('wrangler whoami')) {
  if (process.env.CLOUDFLARE_API_TOKEN !== platform.cloudflareToken) fail('{"loggedIn":false}');
  console.log(
    JSON.stringify({ loggedIn: true, accounts: platform.accounts.map((id) => ({ id, name: id })) }),
  );
} else if (line.startsWith('wrangler deploy')) {
  const name = option('--name');
  const vars = Object.fromEntries(all('--var').map((arg) => arg.split(/:(.*)/s).slice(0, 2)));
  const secrets = {
    ...platform.workers[name]?.secrets,
    ...JSON.parse(readFileSync(option('--secrets-file'), 'utf8')),
  };
  // Production's cron is in wrangler.toml; a preview has a configuration of its own.
  const config = option('--config');
  const crons = config === 'wrangler.toml' ? ['* * * * *'] : JSON.parse(readFileSync(config)).triggers.crons;
  platform.workers[name] = { vars, secrets, crons };
  save();
  const addresses = platform.domain
    ? [`${platform.domain} (custom domain)`]
    : [`https://${name}.loopback.workers.dev`];
  const targets = [...addresses, ...crons.map((cron) => `schedule: ${cron}`)];
  const entry = { type: 'deploy', version: 1, worker_name: name, targets };
  if (fault?.when !== 'after')
    appendFileSync(process.env.WRANGLER_OUTPUT_FILE_PATH, `${JSON.stringify(entry)}\n`);
} else if (line.startsWith('wrangler delete')) {
  if (!(args[1] in platform.workers)) fail('This Worker does not exist on your account. [code: 10007]');
  delete platform.workers[args[1]];
  save();
} else {
  fail(`no such command: ${line}`);
}
if (fault?.when === 'after') fail('a fault after', ...gossip);
