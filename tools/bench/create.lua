-- wrk: creates pods that nobody schedules. Environment: TOKEN, RUN (a prefix of the names).
local token, run = os.getenv("TOKEN") or "", os.getenv("RUN") or "r"
local threads, n = 0, 0
function setup(thread) thread:set("tid", threads); threads = threads + 1 end
function request()
  n = n + 1
  local body = string.format('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s-%d-%d","labels":{"app":"%s"}},' ..
    '"spec":{"schedulerName":"nobody","containers":[{"name":"c","image":"busybox:1.29","command":["sleep","3600"],' ..
    '"resources":{"requests":{"cpu":"10m","memory":"16Mi"}},"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}],' ..
    '"tolerations":[{"operator":"Exists"}]}}', run, tid, n, run)
  return wrk.format("POST", "/api/v1/namespaces/default/pods",
    { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token }, body)
end
