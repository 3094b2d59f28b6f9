/** `npm run deploy`. */
import { deploy } from './deploy-command.ts';
import { DEPLOY_USAGE, parseDeployOptions } from './options.ts';
import { environmentWith, main, withTools } from './session.ts';

await main(async () => {
  const options = parseDeployOptions(process.argv.slice(2));
  const write = (text: string) => process.stdout.write(text);
  if (options === null) {
    write(DEPLOY_USAGE);
    return;
  }
  const env = environmentWith(process.env, options.envFile);
  await withTools(env, write, (tools) => deploy(env, options, tools));
});
