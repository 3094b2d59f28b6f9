-- A page of dead letters, by their ids, bounded by count and by bytes as the answer encodes them.
--
-- KEYS[1] dead letters
-- ARGV[1] id after which the page begins, '' for the first, ARGV[2] most letters, ARGV[3] most bytes (one is
-- read all the same)
-- Returns { 1 if there are more, { id, JSON of a letter, … } }
--
-- Not by HSCAN: what a scan has returned can't be given back when it is too much. Ids are short.
local ids = redis.call('HKEYS', KEYS[1])
table.sort(ids)
local letters, bytes = {}, 0
for _, id in ipairs(ids) do
  if id > ARGV[1] then
    local json = redis.call('HGET', KEYS[1], id)
    bytes = bytes + #cjson.encode(id) + #cjson.encode(json) + 2
    local is_full = #letters >= 2 * tonumber(ARGV[2]) or bytes > tonumber(ARGV[3])
    if is_full and #letters > 0 then return { 1, letters } end
    letters[#letters + 1] = id
    letters[#letters + 1] = json
  end
end
return { 0, letters }
