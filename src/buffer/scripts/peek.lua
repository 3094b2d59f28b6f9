-- Reads dirty sessions for a flush, oldest first, bounded by count and bytes; changes nothing but the sweeper's lease.
--
-- KEYS[1] dirty set, KEYS[2] sweeper's lease
-- ARGV[1] key prefix, ARGV[2] token of the caller's lease or '', ARGV[3] its length (ms)
-- ARGV[4] most sessions, ARGV[5] most bytes of code and messages (at least one session or message is read all the same)
-- ARGV[6] only what became dirty at or before this time (ms), or '' for now; ARGV[7] how many of the oldest to pass over
-- ARGV[8…] session ids: reads these instead, whatever their age, leaving out the clean ones
-- Returns { now (ms), 0 if the caller's lease was lost else 1,
--   { { id, dirty since (ms), revision, its epoch, code, time of the edit, editor, 1 if the code is to be written,
--       1 if some of its messages were left out, flushed revision, { message id, JSON, … } }, … } }
local time = redis.call('TIME')
local now = math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)
if ARGV[2] ~= '' then
  if redis.call('GET', KEYS[2]) ~= ARGV[2] then return { now, 0, {} } end
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end

local ids = {}
if #ARGV >= 8 then
  for i = 8, #ARGV do ids[#ids + 1] = ARGV[i] end
else
  local until_ms = ARGV[6] == '' and string.format('%.0f', now) or ARGV[6]
  ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', until_ms, 'LIMIT', ARGV[7], ARGV[4])
end

local bytes, most_bytes = 0, tonumber(ARGV[5])
local sessions = {}
for _, id in ipairs(ids) do
  local since = redis.call('ZSCORE', KEYS[1], id)
  if since then
    if bytes >= most_bytes then break end
    local key = ARGV[1] .. 's:' .. id
    local held = redis.call('HMGET', key, 'rev', 'code_epoch', 'edited_at', 'editor', 'flushed', 'settled', 'settled_epoch')
    local rev = tonumber(held[1] or '') or 0
    local epoch, settled = tonumber(held[2] or '') or 0, tonumber(held[6] or '') or 0
    local settled_epoch = tonumber(held[7] or '') or epoch
    -- As settle judges it: what is dealt with is of this epoch up to this revision, or of an epoch before it.
    local write = rev > 0 and (epoch > settled_epoch or (epoch == settled_epoch and rev > settled))
    local code = write and redis.call('HGET', key, 'code') or ''
    bytes = bytes + #code

    local messages, partial, cursor = {}, false, '0'
    repeat
      local page = redis.call('HSCAN', key .. ':m', cursor, 'COUNT', 200)
      cursor = page[1]
      for i = 1, #page[2], 2 do
        if bytes < most_bytes or (#messages == 0 and not write) then
          messages[#messages + 1] = page[2][i]
          messages[#messages + 1] = page[2][i + 1]
          bytes = bytes + #page[2][i + 1]
        else
          partial = true
        end
      end
      if bytes >= most_bytes and cursor ~= '0' then
        partial = true
        cursor = '0'
      end
    until cursor == '0'

    sessions[#sessions + 1] = {
      id, string.format('%.0f', tonumber(since)), string.format('%.0f', rev), held[2] or '0', code, held[3] or '0', held[4] or '',
      write and 1 or 0, partial and 1 or 0, held[5] or '0', messages,
    }
  end
end
return { now, 1, sessions }
