/** The page on which one says who one is. It looks like nothing that could be taken for a real sign-in. */

export function signInPage(): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>LOCAL SIGN-IN</title>
    <style>
      body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #000; background: #fff; }
      header { padding: 24px; color: #000; font-size: 22px; font-weight: 700; text-align: center;
        background: repeating-linear-gradient(45deg, #ffd400 0 24px, #fff 24px 48px); }
      header strong { padding: 4px 12px; background: #ffd400; }
      main { max-width: 420px; margin: 40px auto; padding: 0 16px; }
      input { width: 100%; box-sizing: border-box; padding: 8px; font: inherit; }
      button { margin: 16px 8px 0 0; padding: 8px 20px; font: inherit; }
    </style>
  </head>
  <body>
    <header>
      <strong>LOCAL SIGN-IN: anybody can be anybody. Never in a deployment.</strong>
    </header>
    <main>
      <form method="post">
        <label for="name">Who do you want to be?</label>
        <input id="name" name="name" maxlength="100" autocomplete="off" autofocus />
        <button type="submit" data-testid="local-sign-in">Sign in</button>
        <button type="submit" name="cancel" value="1">Cancel</button>
      </form>
    </main>
  </body>
</html>
`;
}
