package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const wgetHelp = `  -O FILE    where it goes, - for standard output
  -P DIR     the directory for it
  -c         go on with a part that is there
  -q         say nothing but errors        -o FILE  say it into a file
  -S         show what the server says
  --spider   look only whether it is there
  --header 'NAME: VALUE'
  --post-data TEXT, --post-file FILE
  -U NAME    what it says that it is
  -Y off     no proxy; http_proxy and https_proxy name one
  -T S       give up after S seconds of silence
  -t N       try N times to connect
  --no-check-certificate   believe any server
`

// Letters of options that have long names only.
const (
	wgetSpider   = "\x81"
	wgetHeader   = "\x82"
	wgetData     = "\x83"
	wgetFile     = "\x84"
	wgetInsecure = "\x85"
)

func wgetLong() map[string]byte {
	return map[string]byte{
		"continue": 'c', "quiet": 'q', "server-response": 'S', "output-document": 'O', "output-file": 'o',
		"directory-prefix": 'P', "proxy": 'Y', "user-agent": 'U', "timeout": 'T', "tries": 't',
		"spider": wgetSpider[0], "header": wgetHeader[0], "post-data": wgetData[0], "post-file": wgetFile[0],
		"no-check-certificate": wgetInsecure[0],
	}
}

// A wgetter is one run of wget.
type wgetter struct {
	*command.Call
	log   io.Writer // what is done
	tries int
}

func wget(c *command.Call) {
	w := &wgetter{Call: c, log: c.Stderr, tries: 1}
	if name, given := c.Value('o'); given {
		f, err := os.Create(name)
		if err != nil {
			c.Fail(command.Named(name, err))
			return
		}
		defer f.Close()
		w.log = f
	}
	if c.Has('q') {
		w.log = io.Discard
	}
	for _, letter := range []byte{'T', 't'} {
		text, given := c.Value(letter)
		n, err := strconv.ParseUint(text, 10, 16)
		if given && (err != nil || n == 0) {
			c.Misused("-%c: expected a number", letter)
			return
		}
		if given && letter == 't' {
			w.tries = int(n)
		}
	}
	if len(c.Args) == 0 {
		c.Misused("expected a URL")
		return
	}
	for _, arg := range c.Args {
		if err := w.fetch(arg); err != nil {
			c.Fail(errors.New(said(err)))
			return
		}
	}
}

// parseURL reads what people type: http:// may be missing.
func parseURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	var wrong *url.Error
	if errors.As(err, &wrong) {
		err = wrong.Err
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errURL, err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: %s", errProtocol, printed(text))
	case u.Hostname() == "" || !isPort(u.Port()):
		return nil, fmt.Errorf("%w: %s", errURL, printed(text))
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil
}

// request is the options as a request.
func (w *wgetter) request(u *url.URL) (*request, error) {
	r := &request{
		method: http.MethodGet, keepMethod: true, keepBody: true, close: true, follow: true, url: u,
		user: u.User, header: http.Header{"User-Agent": {"Wget"}}, redirects: 20, network: "tcp",
		insecure: w.Has(wgetInsecure[0]),
	}
	if agent, given := w.Value('U'); given {
		r.header.Set("User-Agent", agent)
	}
	if seconds, given := w.Value('T'); given {
		n, _ := strconv.Atoi(seconds)
		r.connect, r.silence = time.Duration(n)*time.Second, time.Duration(n)*time.Second
	}
	if proxy, _ := w.Value('Y'); proxy == "off" {
		r.proxy = "-"
	}
	if text, given := w.Value(wgetData[0]); given {
		r.body = func() (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
		}
	}
	if name, given := w.Value(wgetFile[0]); given {
		r.body = func() (io.ReadCloser, int64, error) { return openBody(name) }
	}
	if r.body != nil {
		r.method = http.MethodPost
		r.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if w.Has(wgetSpider[0]) && r.body == nil {
		r.method = http.MethodHead
	}
	for _, o := range w.Options {
		if o.Letter == wgetHeader[0] {
			if err := setHeader(r, o.Value); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// setHeader takes one as it is typed: "Name: value"; without a value it is not sent.
func setHeader(r *request, text string) error {
	name, value, ok := strings.Cut(text, ":")
	if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(text, "\r\n") {
		return fmt.Errorf("no header: %s", printed(text))
	}
	if value = strings.TrimSpace(value); strings.EqualFold(name, "Host") {
		r.host = value
		return nil
	}
	r.header[http.CanonicalHeaderKey(name)] = append(r.header[http.CanonicalHeaderKey(name)], value)
	if strings.EqualFold(name, "User-Agent") || strings.EqualFold(name, "Content-Type") {
		r.header.Set(name, value)
	}
	return nil
}

// openBody is a file that is sent.
func openBody(name string) (io.ReadCloser, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errRead, command.Named(name, err))
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return f, -1, err
	}
	return f, info.Size(), nil
}

// fetch is one URL.
func (w *wgetter) fetch(text string) error {
	u, err := parseURL(text)
	if err != nil {
		return err
	}
	name := fileName(u)
	if dir, given := w.Value('P'); given {
		name = filepath.Join(dir, name)
	}
	if out, given := w.Value('O'); given {
		name = out
	}
	r, err := w.request(u)
	if err != nil {
		return err
	}
	var before int64
	if info, err := os.Stat(name); w.Has('c') && name != "-" && err == nil && info.Mode().IsRegular() &&
		info.Size() > 0 {
		before = info.Size()
		r.header.Set("Range", fmt.Sprintf("bytes=%d-", before))
	}
	r.onHeader = func(resp *http.Response, raw []byte, last bool) error { return w.header(resp, raw, last) }
	fmt.Fprintf(w.log, "Connecting to %s\n", printed(u.Host))
	resp, err := w.try(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if w.Has(wgetSpider[0]) {
		fmt.Fprintln(w.log, "remote file exists")
		return nil
	}
	return w.save(resp, name, before)
}

// fileName is the last part of a URL's path.
func fileName(u *url.URL) string {
	name := path.Base(u.EscapedPath())
	if plain, err := url.PathUnescape(name); err == nil && !strings.ContainsAny(plain, "/\x00") {
		name = plain
	}
	if strings.HasSuffix(u.Path, "/") || u.Path == "" {
		name = "index.html"
	}
	if u.RawQuery != "" {
		name += "?" + strings.ReplaceAll(u.RawQuery, "/", "_")
	}
	return name
}

// try asks, again where nobody has answered.
func (w *wgetter) try(r *request) (resp *http.Response, err error) {
	for n := 1; ; n++ {
		if resp, err = r.do(w.Context); err == nil || n >= w.tries || w.Context.Err() != nil {
			return resp, err
		}
		switch statusOf(err) {
		case connectStatus, timeStatus, resolveStatus, emptyStatus, receiveStatus:
		default:
			return resp, err
		}
		fmt.Fprintf(w.log, "%s; trying again\n", said(err))
		select {
		case <-time.After(time.Duration(min(n, 10)) * time.Second):
		case <-w.Context.Done():
		}
	}
}

// header is one of a reply.
func (w *wgetter) header(resp *http.Response, raw []byte, last bool) error {
	if w.Has('S') {
		text := headerText(resp, raw)
		if !last {
			text = strings.TrimSuffix(text, "\n")
		}
		for line := range strings.Lines(text) {
			fmt.Fprintf(w.Stderr, "  %s\n", printed(strings.TrimRight(line, "\r\n")))
		}
	}
	if last && (resp.StatusCode < 200 || resp.StatusCode >= 300) {
		resp.Body.Close()
		return fmt.Errorf("server returned error: %s %s", resp.Proto, printed(resp.Status))
	}
	return nil
}

// headerText is a header as it came or, where it was not seen, in the order of the alphabet.
func headerText(resp *http.Response, raw []byte) string {
	if raw != nil {
		return strings.ReplaceAll(string(raw), "\r\n", "\n")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", resp.Proto, resp.Status)
	_ = resp.Header.Write(&b)
	return strings.ReplaceAll(b.String(), "\r\n", "\n") + "\n"
}

// save writes a reply to its file.
func (w *wgetter) save(resp *http.Response, name string, before int64) error {
	if name == "-" {
		fmt.Fprintln(w.log, "writing to stdout")
		if err := w.copy(w.Stdout, resp, "-", 0); err != nil {
			return err
		}
		fmt.Fprintln(w.log, "written to stdout")
		return w.Stdout.Flush()
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	switch _, chosen := w.Value('O'); {
	case before > 0 && resp.StatusCode == http.StatusPartialContent:
		if begin, ok := rangeBegin(resp); !ok || begin != before {
			return fmt.Errorf("%w where the file ends", errNoRange)
		}
		flags = os.O_WRONLY | os.O_APPEND
	case before > 0:
		fmt.Fprintln(w.Stderr, "wget: restart failed")
		before = 0
	case !chosen && !w.Has('c'):
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(name, flags, 0o666)
	if err != nil {
		return fmt.Errorf("can't open %w", command.Named("'"+name+"'", err))
	}
	fmt.Fprintf(w.log, "saving to '%s'\n", printed(name))
	if err := errors.Join(w.copy(f, resp, path.Base(name), before), f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(w.log, "'%s' saved\n", printed(name))
	return nil
}

// rangeBegin is where a part of a file begins.
func rangeBegin(resp *http.Response) (int64, bool) {
	text, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	first, _, found := strings.Cut(text, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	return n, ok && found && err == nil
}

// copy hands a body on, to its end.
func (w *wgetter) copy(to io.Writer, resp *http.Response, name string, before int64) error {
	all := resp.ContentLength
	if all >= 0 {
		all += before
	}
	shown := w.log
	if w.Has('q') {
		shown = nil
	}
	p := newProgress(shown, name, before, all)
	defer p.end()
	return pour(w.Context, to, resp.Body, p)
}

// pour copies, and tells what could not be written from what could not be read.
func pour(ctx context.Context, to io.Writer, from io.Reader, p *progress) error {
	piece := make([]byte, 32<<10)
	for ctx.Err() == nil {
		n, err := from.Read(piece)
		if n > 0 {
			if _, err := to.Write(piece[:n]); err != nil {
				return fmt.Errorf("%w: %w", errWrite, err)
			}
			_, _ = p.Write(piece[:n])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
