package fetch

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// written is a format of -w with what is known of a transfer in it, and the names of what is not.
func (t *transferred) written(format string) (text string, unknown []string) {
	var b strings.Builder
	for format != "" {
		before, rest, found := strings.Cut(format, "%{")
		b.WriteString(unescaped(before))
		if format = ""; !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString(unescaped("%{" + rest))
			break
		}
		value, ok := t.value(name)
		if b.WriteString(value); !ok {
			unknown = append(unknown, name)
		}
		format = after
	}
	return b.String(), unknown
}

// unescaped has ends of lines and tabs for \n, \r and \t, and % for %%.
func unescaped(s string) string {
	return strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", "%%", "%").Replace(s)
}

// value is that of a variable; ok is false for one that is not known.
func (t *transferred) value(name string) (value string, ok bool) {
	switch name {
	case "content_type", "http_code", "http_version", "response_code":
		return t.answered(name), true
	case "time_connect", "time_namelookup", "time_starttransfer", "time_total":
		return t.when(name), true
	case "errormsg", "exitcode", "ssl_verify_result":
		return t.failure(name), true
	case "local_ip", "local_port":
		return part(t.request.local, name == "local_port"), true
	case "remote_ip", "remote_port":
		return part(t.request.remote, name == "remote_port"), true
	case "filename_effective":
		return t.file, true
	case "method":
		return t.request.method, true
	case "redirect_url":
		return t.redirect, true
	case "url_effective":
		return t.effective(), true
	case "scheme":
		if t.request.url == nil {
			return "", true
		}
		return strings.ToUpper(t.request.url.Scheme), true
	}
	number, ok := t.number(name)
	if !ok {
		return "", false
	}
	return strconv.FormatInt(number, 10), true
}

// number is the value of a variable that is one.
func (t *transferred) number(name string) (int64, bool) {
	switch name {
	case "num_redirects":
		return int64(min(t.request.hops, t.request.redirects)), true
	case "size_download":
		return t.got, true
	case "size_upload":
		return t.request.uploaded, true
	case "size_header":
		return int64(t.header), true
	case "speed_download":
		return int64(float64(t.got) / max(t.total.Seconds(), 1e-6)), true
	}
	return 0, false
}

// answered is a variable of the reply.
func (t *transferred) answered(name string) string {
	switch {
	case t.resp == nil && name == "content_type":
		return ""
	case t.resp == nil && name == "http_version":
		return "0"
	case t.resp == nil:
		return "000"
	case name == "content_type":
		return t.resp.Header.Get("Content-Type")
	case name == "http_version":
		return strings.TrimPrefix(t.resp.Proto, "HTTP/")
	}
	return fmt.Sprintf("%03d", t.resp.StatusCode)
}

// when is one of the times, in seconds since the beginning.
func (t *transferred) when(name string) string {
	d := map[string]time.Duration{
		"time_connect": t.request.open, "time_namelookup": t.request.looked, "time_starttransfer": t.first,
		"time_total": t.total,
	}[name]
	return fmt.Sprintf("%.6f", d.Seconds())
}

// failure is a variable of what has failed.
func (t *transferred) failure(name string) string {
	switch {
	case name == "exitcode":
		return strconv.Itoa(statusOf(t.err))
	case name == "errormsg" && t.err != nil:
		return said(t.err)
	case name == "errormsg":
		return ""
	case isPeer(t.err):
		return "1"
	}
	return "0"
}

// effective is the URL that has answered last.
func (t *transferred) effective() string {
	switch {
	case t.resp != nil && t.resp.Request != nil:
		return t.resp.Request.URL.String()
	case t.request.url != nil:
		return t.request.url.String()
	}
	return ""
}

// part is the address or the port of one.
func part(a net.Addr, port bool) string {
	if a == nil {
		return ""
	}
	host, number, _ := net.SplitHostPort(a.String())
	if port {
		return number
	}
	return host
}

func sortedNames(h http.Header) []string { return slices.Sorted(maps.Keys(h)) }
