-- Puts of 1 KB by etcd's JSON gateway, 20,000 keys in turn.
local function b64(s)
	local set = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return (s:gsub("..?.?", function(t)
		local n, out = 0, ""
		for i = 1, 3 do n = n * 256 + (t:byte(i) or 0) end
		for i = 4, 1, -1 do
			out = (i > #t + 1 and "=" or set:sub(n % 64 + 1, n % 64 + 1)) .. out
			n = math.floor(n / 64)
		end
		return out
	end))
end
local value, n = b64(string.rep("v", 1024)), 0
function request()
	n = n + 1
	local key = b64(string.format("pods/default/pod-%09d", n % 20000))
	return wrk.format("POST", "/v3/kv/put", {["Content-Type"] = "application/json"},
		'{"key":"' .. key .. '","value":"' .. value .. '"}')
end
