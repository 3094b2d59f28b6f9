import { call, createSession, SessionClient } from 'backbeat/client';

const url = 'http://127.0.0.1:8787'; // where Backbeat is
const textarea = document.querySelector('textarea') as HTMLTextAreaElement;

const body = { display_name: 'Ana', title: 'On my page', code: 's("bd hh")' };
const { id, token } = await call(createSession, { origin: url, body });
const client = new SessionClient({ url, sessionId: id, token });

client.subscribe(({ code }) => {
  if (textarea.value !== code) textarea.value = code; // another participant typed
});
textarea.oninput = () => client.edit(textarea.value);
