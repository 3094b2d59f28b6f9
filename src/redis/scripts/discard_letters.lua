-- Removes dead letters that have been dealt with: one, or those of a session that were put aside by a time.
-- A letter may say where unreadable data was moved to: that data goes, too.
--
-- KEYS[1] dead letters, KEYS[2] their sizes
-- ARGV[1] id of the letter, or '' for those of a session
-- ARGV[2] id of the session
-- ARGV[3] time by which they were put aside (ISO 8601), or '' for whenever: a later one has not been seen yet
-- ARGV[4] most letters
-- ARGV[5] what the key of data that could not be read begins with, or '' where it is to stay
--
-- Only the letters name that data, so its keys aren't in KEYS, as in `peek`.
--
-- Returns { how many were removed, their bytes, 1 if the bound left out others }
local ids = {}
if ARGV[1] ~= '' then
  ids[1] = ARGV[1]
else
  -- A letter's id begins with its session's.
  local start = ARGV[2] .. ':'
  for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(id, 1, #start) == start then ids[#ids + 1] = id end
  end
end

local removed, bytes, is_cut = 0, 0, 0
for _, id in ipairs(ids) do
  local json = redis.call('HGET', KEYS[1], id)
  local is_letter, letter = pcall(cjson.decode, json or '')
  if not is_letter or type(letter) ~= 'table' then letter = {} end
  -- A letter that can't be read has no time: it counts as seen.
  local is_later = ARGV[3] ~= '' and type(letter.at) == 'string' and letter.at > ARGV[3]
  if json and not is_later then
    if removed >= tonumber(ARGV[4]) then
      is_cut = 1
      break
    end
    redis.call('HDEL', KEYS[1], id)
    removed = removed + 1
    bytes = bytes + #json
    local is_place, place = pcall(cjson.decode, type(letter.data) == 'string' and letter.data or '')
    local key = is_place and type(place) == 'table' and place.key
    if ARGV[5] ~= '' and type(key) == 'string' and string.sub(key, 1, #ARGV[5]) == ARGV[5] then
      redis.call('DEL', key)
    end
  end
end

for _, field in ipairs({ 'total', ARGV[2] }) do
  local left = tonumber(redis.call('HGET', KEYS[2], field) or '0') - bytes
  if left > 0 then
    redis.call('HSET', KEYS[2], field, string.format('%.0f', left))
  else
    redis.call('HDEL', KEYS[2], field)
  end
end
return { removed, string.format('%.0f', bytes), is_cut }
