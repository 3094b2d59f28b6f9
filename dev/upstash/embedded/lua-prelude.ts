/**
 * What surrounds a script, in Lua. It gets the host's functions as its arguments, takes what it needs of the standard libraries, hides what
 * scripts may not reach (files, the system, the debugger), and locks the globals: a script that forgets `local` fails, as it does in Redis,
 * instead of leaving its variable to the next script.
 *
 * Returns a function that runs a script under an error handler: it turns whatever was raised into a table with `err` and the script's line.
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
local original_setmetatable = setmetatable
setmetatable = function(table, metatable)
  if table == _G then error('Attempt to modify a readonly table', 2) end
  return original_setmetatable(table, metatable)
end
original_setmetatable(_G, {
  __newindex = function() error('Attempt to modify a readonly table', 2) end,
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
  __metatable = false,
})

local function handle(raised)
  local info = getinfo(2, 'Sl')
  if info and info.what == 'C' then info = getinfo(3, 'Sl') end
  local line = info and info.currentline or 0
  if type(raised) == 'table' then return { err = tostring(raised.err or raised), line = line } end
  return { err = 'ERR ' .. tostring(raised), line = line }
end
return function(script) return xpcall(script, handle) end
`;
