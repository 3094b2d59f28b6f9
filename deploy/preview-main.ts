/** `npm run preview`. */
import { PREVIEW_USAGE, parsePreviewOptions } from './options.ts';
import { preview } from './preview-command.ts';
import { environmentWith, main, withTools } from './session.ts';

await main(async () => {
  const options = parsePreviewOptions(process.argv.slice(2));
  const write = (text: string) => process.stdout.write(text);
  if (options === null) {
    write(PREVIEW_USAGE);
    return;
  }
  const env = environmentWith(process.env, options.envFile);
  await withTools(env, write, (tools) => preview(env, options, tools));
});
