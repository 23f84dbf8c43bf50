"""The Lua scripts that write: each changes the keys of one bucket, all or none.

If the memory is full or the server is a replica, Redis rejects a script that starts with #!lua before its first write.
Source: https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags.
Redis does not undo the writes of a script that fails in another way, and a retry would not count them again. So each
step that fails on a foreign value runs before the first write, or ignores the error.
"""

import hashlib
from typing import NamedTuple


class Script(NamedTuple):
    """A script and its SHA-1, by which EVALSHA runs it."""

    text: str
    sha: str


def _script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_COUNT = """
local steps = {done = {}, dead = {}}
local function count(group, field, step)
  if group == '' then return end
  steps[field][group] = (steps[field][group] or 0) + step
end
local function is_wrong_type(answer)
  if type(answer) ~= 'table' or not answer.err then return false end
  if not string.find(answer.err, 'WRONGTYPE', 1, true) then error(answer) end
  return true
end
local countable = {}
local function can_count(key)
  if countable[key] == nil then
    countable[key] = true
    for field in pairs(steps) do
      local value = redis.pcall('HGET', key, field)
      if is_wrong_type(value) or (value and not string.find(value, '^%-?%d+$')) then countable[key] = false end
    end
  end
  return countable[key]
end
local function require_counts(key)
  if not can_count(key) then
    error(redis.error_reply('WRONGTYPE expected group counts at the key ' .. key .. ', remove it'))
  end
end
local function write_counts(prefix, ttl_s)
  for field, groups in pairs(steps) do
    for group, step in pairs(groups) do
      local key = prefix .. group
      local left = tonumber(redis.call('HGET', key, field) or 0)
      step = math.max(step, -left)
      if step ~= 0 then
        redis.call('HINCRBY', key, field, step)
        redis.call('EXPIRE', key, ttl_s)
      end
    end
  end
end
"""

_LIST = """
local prefixes = {p = ARGV[4], d = ARGV[5]}
local lists = {}
local function require_list(group)
  if group == '' or lists[group] then return end
  local key = ARGV[3] .. group
  if is_wrong_type(redis.pcall('LRANGE', key, 0, 0)) then
    error(redis.error_reply('WRONGTYPE expected outcomes of a group at the key ' .. key .. ', remove it'))
  end
  lists[group] = {}
end
local function list(group, entry)
  if group ~= '' then table.insert(lists[group], entry) end
end
local function key_of(entry)
  local letter, id = string.sub(entry, 1, 1), string.sub(entry, 2)
  local prefix = prefixes[string.lower(letter)]
  if prefix and not prefixes[letter] then
    id = string.gsub(id, '.', function(byte) return string.format('%02x', string.byte(byte)) end)
  end
  return (prefix or prefixes.p) .. id
end
local function begin_list(group_key)
  local first = tonumber(redis.call('HGET', group_key, 'first') or 0)
  redis.call('HINCRBY', group_key, 'first', string.format('%.0f', ARGV[6] - first))
end
local function drop_expired(key, group_key)
  local dropped = 0
  for _, entry in ipairs(redis.call('LRANGE', key, 0, 255)) do
    if redis.call('EXISTS', key_of(entry)) == 1 then break end
    dropped = dropped + 1
  end
  if dropped > 0 then
    redis.call('LPOP', key, dropped)
    redis.call('HINCRBY', group_key, 'first', dropped)
  end
end
local function write_lists(group_prefix, ttl_s)
  for group, entries in pairs(lists) do
    local key, group_key, length = ARGV[3] .. group, group_prefix .. group, 0
    for first = 1, #entries, 1000 do  -- Lua's stack limits unpack
      length = redis.call('RPUSH', key, unpack(entries, first, math.min(first + 999, #entries)))
    end
    if #entries > 0 then
      redis.call('EXPIRE', key, ttl_s)
      if length == #entries then begin_list(group_key) end
      if length % 128 < #entries then drop_expired(key, group_key) end
    end
  end
end
"""
"""Uses ARGV[3] to ARGV[6]: the prefixes of outcomes, predictions and notes, and the microseconds since 1970. Every 128
entries it drops the expired ones among the oldest 256. See outcomes.py."""

PUT = _script(f"""#!lua
{_COUNT}
{_LIST}
local group_prefix, ttl_s, feed_length = ARGV[1], ARGV[2], ARGV[7]
for job = 1, (#KEYS - 1) / 2 do
  require_counts(group_prefix .. ARGV[4 * job + 5])
  require_list(ARGV[4 * job + 5])
end
local function announce(position, prediction)
  local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', feed_length, position, 'prediction', prediction)
  if type(added) == 'table' and added.err then  -- the newest entry is ahead of the writer's clock
    added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', feed_length, '*', 'prediction', prediction)
    if is_wrong_type(added) then
      error(redis.error_reply('WRONGTYPE expected the feed at the key ' .. KEYS[1] .. ', remove it'))
    end
  end
end
local function group_of(note)
  local read, fields = pcall(cjson.decode, note)
  local group = read and type(fields) == 'table' and fields['group']
  return type(group) == 'string' and group
end
for job = 1, (#KEYS - 1) / 2 do
  local key, note_key = KEYS[2 * job], KEYS[2 * job + 1]
  local prediction, group, position = ARGV[4 * job + 4], ARGV[4 * job + 5], ARGV[4 * job + 6]
  local first = redis.call('EXISTS', key) == 0
  if first then announce(position, prediction) end
  redis.call('SET', key, prediction, 'EX', ttl_s)
  if first then
    local note = redis.pcall('GETDEL', note_key)
    local noted = note and not is_wrong_type(note) and group_of(note)
    if noted and can_count(group_prefix .. noted) then count(noted, 'dead', -1) end
    count(group, 'done', 1)
    list(group, ARGV[4 * job + 7])
  end
end
write_counts(group_prefix, ttl_s)
write_lists(group_prefix, ttl_s)
""")
"""KEYS: feed, then prediction key and note key of each job. ARGV: prefix of group keys, ttl_s, prefixes of outcomes,
predictions and notes, microseconds since 1970, feed length, then prediction, group, feed position and entry of each
job."""

PUT_DEAD = _script(f"""#!lua
{_COUNT}
{_LIST}
local group_prefix, ttl_s = ARGV[1], ARGV[2]
for job = 1, #KEYS / 2 do
  require_counts(group_prefix .. ARGV[3 * job + 5])
  require_list(ARGV[3 * job + 5])
end
for job = 1, #KEYS / 2 do
  local key, note_key = KEYS[2 * job - 1], KEYS[2 * job]
  if redis.call('EXISTS', key) == 0 then
    local first = redis.call('EXISTS', note_key) == 0
    redis.call('SET', note_key, ARGV[3 * job + 4], 'EX', ttl_s)
    if first then
      count(ARGV[3 * job + 5], 'dead', 1)
      list(ARGV[3 * job + 5], ARGV[3 * job + 6])
    end
  end
end
write_counts(group_prefix, ttl_s)
write_lists(group_prefix, ttl_s)
""")
"""KEYS: prediction key and note key of each job. ARGV: prefix of group keys, ttl_s, prefixes of outcomes, predictions
and notes, microseconds since 1970, then note, group and entry of each job."""

SCRIPTS = (PUT, PUT_DEAD)
