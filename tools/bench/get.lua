-- wrk: GETs one path. Environment: TOKEN, REQPATH.
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("TOKEN") or "")
function request() return wrk.format("GET", os.getenv("REQPATH")) end
