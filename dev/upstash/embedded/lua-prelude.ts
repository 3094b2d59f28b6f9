/**
 * What surrounds a script, in Lua. It gets the host's functions as its arguments, takes what it needs
 * of the standard libraries, hides what scripts may not reach (files, the system, the debugger), and
 * locks the globals: a script that forgets `local` fails, as it does in Redis, instead of leaving its
 * variable to the next script.
 *
 * Returns a function that runs a script under an error handler: it turns whatever was raised into a table
 * with `err` and the script's line.
 */
export const PRELUDE = `
local call, pcall_command, error_reply, status_reply, sha1hex, encode, decode, null = ...
local getinfo, original_pcall, xpcall = debug.getinfo, pcall, xpcall
local type, tostring, error, rawset = type, tostring, error, rawset

redis = {
  call = call, pcall = pcall_command,
  error_reply = error_reply, status_reply = status_reply, sha1hex = sha1hex,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  log = function() end,
  setresp = function() end,
  replicate_commands = function() return true end,
}
cjson = { encode = encode, decode = decode, null = null }
KEYS, ARGV = {}, {}

-- A command's error is a table on its way up, and a string for the script that catches it.
local function unwrapped(ok, first, ...)
  if not ok and type(first) == 'table' and first.err then return false, first.err end
  return ok, first, ...
end
pcall = function(f, ...) return unwrapped(original_pcall(f, ...)) end

for _, name in ipairs({ 'dofile', 'loadfile', 'print', 'debug', 'io', 'os', 'require', 'module', 'package', 'newproxy', 'getfenv', 'setfenv' }) do
  rawset(_G, name, nil)
end
local function refuse() error('Attempt to modify a readonly table', 2) end
for _, library in ipairs({ string, table, math, redis, cjson }) do
  setmetatable(library, { __newindex = refuse, __metatable = false })
end
setmetatable(_G, {
  __newindex = refuse,
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
  __metatable = false,
})

local function handle(raised)
  -- What raised it may be a function of this prelude or of the host: the script's own line is further up.
  local line = 0
  for level = 2, 16 do
    local info = getinfo(level, 'Sl')
    if not info then break end
    if info.short_src == 'user_script' then
      line = info.currentline
      break
    end
  end
  if type(raised) == 'table' then return { err = tostring(raised.err or raised), line = line } end
  return { err = 'ERR ' .. tostring(raised), line = line }
end
return function(script) return xpcall(script, handle) end
`;
