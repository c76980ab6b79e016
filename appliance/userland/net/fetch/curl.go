package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// A curler is one run of curl.
type curler struct {
	*command.Call
	curlPlan
	dump io.Writer // headers too, with -D
}

// A transferred is a URL that was asked for, for -w.
type transferred struct {
	request  *request
	resp     *http.Response
	header   int // its bytes
	got      int64
	first    time.Duration
	total    time.Duration
	file     string
	redirect string
	err      error
}

func curl(c *command.Call) {
	k := &curler{Call: c}
	var err error
	if c.Options, c.Args, err = getopt.ParseLong(c.Args, curlLetters(), curlLong()); err != nil {
		k.misused("%v", err)
		return
	}
	if c.Has('V') {
		fmt.Fprintln(c.Stdout, "curl of gatehouse\nProtocols: http https")
		return
	}
	switch err = k.plan(); {
	case errors.Is(err, errRead), errors.Is(err, errResolve), errors.Is(err, errOptions):
		k.end(err)
		return
	case err != nil:
		k.misused("%v", err)
		return
	case len(c.Args) == 0:
		k.misused("expected a URL")
		return
	}
	if name, given := c.Value('D'); given {
		k.dump = c.Stdout
		if name != "-" {
			f, err := os.Create(name)
			if err != nil {
				c.Warn(command.Named(name, err))
				c.Exit(writeStatus)
				return
			}
			defer f.Close()
			k.dump = f
		}
	}
	for i, text := range c.Args {
		t := k.fetch(text, i)
		k.end(t.err)
		if format, given := k.format(); given {
			text, unknown := t.written(format)
			for _, name := range unknown {
				c.Warn(fmt.Errorf("unknown --write-out variable: '%s'", printed(name)))
			}
			fmt.Fprint(c.Stdout, text)
		}
		if c.Context.Err() != nil {
			return
		}
	}
}

// format is that of -w; "@FILE" is in a file.
func (c *curler) format() (text string, given bool) {
	text, given = c.Value('w')
	name, file := strings.CutPrefix(text, "@")
	if !file {
		return text, given
	}
	b, err := readData(name, c.Stdin)
	if err != nil {
		c.end(err)
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(string(b)), err == nil
}

// misused says what is wrong with the command line.
func (c *curler) misused(format string, args ...any) {
	c.Misused(format, args...)
	c.Exit(usageStatus)
}

// end says what has failed, with its number, and sets the status. -s leaves it unsaid; a file that cannot be
// read is not the network's fault, and said.
func (c *curler) end(err error) {
	number := statusOf(err)
	if c.Exit(number); err != nil && (!c.Has('s') || c.Has('S') || number == readStatus) {
		fmt.Fprintf(c.Stderr, "curl: (%d) %s\n", number, said(err))
	}
}

// fetch is one URL, the i-th.
func (c *curler) fetch(text string, i int) *transferred {
	t := &transferred{request: &request{}}
	if t.err = c.ask(text, i, t); t.request.began.IsZero() {
		return t
	}
	t.total = time.Since(t.request.began)
	return t
}

func (c *curler) ask(text string, i int, t *transferred) error {
	if !c.Has('g') && isList(text) {
		return fmt.Errorf("%w: lists in braces and brackets are not made into URLs; -g takes them as they are", errURL)
	}
	u, err := parseURL(text)
	if err != nil {
		return err
	}
	if strings.ContainsAny(text, " \t") {
		return fmt.Errorf("%w: a space in %s", errURL, printed(text))
	}
	u = u.ResolveReference(u) // without "a/.."
	if c.get && c.data != nil {
		more := strings.Join(c.data, "&")
		if u.RawQuery != "" {
			more = u.RawQuery + "&" + more
		}
		u.RawQuery = more
	}
	r := c.base
	t.request = &r
	r.header = c.base.header.Clone()
	if r.url = u; r.user == nil {
		r.user = u.User
	}
	c.spoken(&r)
	before, err := c.place(t, i)
	if err != nil {
		return err
	}
	ctx := c.Context
	if c.total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.total)
		defer cancel()
	}
	var head bytes.Buffer
	r.onHeader = func(resp *http.Response, raw []byte, last bool) error {
		return c.header(t, &head, resp, raw, last)
	}
	if _, err = r.do(ctx); err != nil {
		_, _ = c.Stdout.Write(head.Bytes())
		return err
	}
	defer t.resp.Body.Close()
	if next, err := location(t.resp, t.resp.Request.URL); err == nil && next != nil {
		t.redirect = next.String()
	}
	return c.body(ctx, t, &head, before)
}

// isList reports whether curl makes several URLs of one: a{b,c} and a[1-9]. Brackets around an address of
// IPv6 are none.
func isList(text string) bool {
	open := strings.IndexByte(text, '[')
	if strings.ContainsAny(text, "{}") || open < 0 {
		return strings.ContainsAny(text, "{}")
	}
	inside, rest, closed := strings.Cut(text[open+1:], "]")
	if addr, err := netip.ParseAddr(strings.ReplaceAll(inside, "%25", "%")); err == nil && addr.Is6() {
		return strings.Contains(rest, "[")
	}
	return closed
}

// place is the file of the i-th URL, and where to go on in it.
func (c *curler) place(t *transferred, i int) (before int64, err error) {
	if i < len(c.outputs) {
		if t.file = c.outputs[i]; t.file == "" {
			if t.file = fileName(t.request.url); strings.HasSuffix(t.request.url.Path, "/") {
				return 0, fmt.Errorf("%w: -O needs a URL with a name", errWrite)
			}
			t.file, _, _ = strings.Cut(t.file, "?")
		}
		if dir, given := c.Value(curlOutDir); given && t.file != "-" {
			t.file = filepath.Join(dir, t.file)
		}
	}
	if !c.again {
		return 0, nil
	}
	if before = c.resume; before < 0 {
		before = 0
		if info, err := os.Stat(t.file); err == nil && info.Mode().IsRegular() {
			before = info.Size()
		}
	}
	if before > 0 {
		t.request.header.Set("Range", fmt.Sprintf("bytes=%d-", before))
	}
	return before, nil
}

// header is one of a reply.
func (c *curler) header(t *transferred, head *bytes.Buffer, resp *http.Response, raw []byte,
	last bool) error {
	t.first, t.resp = time.Since(t.request.began), resp
	text := headerText(resp, raw)
	t.header += len(text) + strings.Count(text, "\n")
	wire := strings.ReplaceAll(text, "\n", "\r\n")
	if c.dump != nil {
		if _, err := io.WriteString(c.dump, wire); err != nil {
			return fmt.Errorf("%w: %w", errWrite, err)
		}
	}
	if c.include && t.file == "" && isTerminal(c.Stdout.Underlying()) {
		_, _ = io.WriteString(printable.Writer(head), text)
	} else if c.include {
		head.WriteString(wire)
	}
	if c.Has('v') {
		for line := range strings.Lines(text) {
			fmt.Fprintf(c.Stderr, "< %s\n", printed(strings.TrimRight(line, "\r\n")))
		}
	}
	if last && resp.StatusCode >= 400 && c.fail {
		resp.Body.Close()
		return &refusedError{resp.StatusCode}
	}
	return nil
}

// A refusedError is a status that -f makes an error of.
type refusedError struct{ status int }

// Error names it.
func (e *refusedError) Error() string { return fmt.Sprintf("the URL returned error: %d", e.status) }

// body writes a reply to where it goes.
func (c *curler) body(ctx context.Context, t *transferred, head *bytes.Buffer, before int64) error {
	resp := t.resp
	if before > 0 && resp.StatusCode < 400 {
		if begin, ok := rangeBegin(resp); resp.StatusCode != http.StatusPartialContent || !ok ||
			begin != before {
			return errNoRange
		}
	}
	if before > 0 && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable &&
		resp.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", before) {
		return nil // it is whole
	}
	to, end, err := c.open(t, before)
	if err != nil {
		return err
	}
	shown := io.Writer(nil)
	if t.file != "" && !c.Has('s') {
		shown = c.Stderr
	}
	all := resp.ContentLength
	if all >= 0 {
		all += before
	}
	p := newProgress(shown, filepath.Base(t.file), before, all)
	_, err = to.Write(head.Bytes())
	if err != nil {
		err = fmt.Errorf("%w: %w", errWrite, err)
	} else if !c.head {
		err = pour(ctx, to, resp.Body, p)
	}
	p.end()
	t.got = p.got
	if err = errors.Join(err, end()); err == nil && resp.StatusCode >= 400 && c.failBody {
		return &refusedError{resp.StatusCode}
	}
	return err
}

// open opens the file of a reply, or standard output.
func (c *curler) open(t *transferred, before int64) (to io.Writer, end func() error, err error) {
	if t.file == "" || t.file == "-" {
		if to = c.Stdout; t.file == "" && isTerminal(c.Stdout.Underlying()) {
			to = textWriter{to}
		}
		return to, func() error {
			if err := c.Stdout.Flush(); err != nil {
				return fmt.Errorf("%w: %w", errWrite, err)
			}
			return nil
		}, nil
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if before > 0 {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	f, err := os.OpenFile(t.file, flags, 0o666)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errWrite, command.Named(t.file, err))
	}
	return f, func() error {
		if err := f.Close(); err != nil {
			return fmt.Errorf("%w: %w", errWrite, command.Named(t.file, err))
		}
		return nil
	}, nil
}

// spoken shows with -v what is done and said.
func (c *curler) spoken(r *request) {
	if !c.Has('v') {
		return
	}
	r.onConnect = func(format string, args ...any) { fmt.Fprintf(c.Stderr, "* "+format+"\n", args...) }
	r.onSend = func(req *http.Request) {
		fmt.Fprintf(c.Stderr, "> %s %s HTTP/1.1\n", req.Method, printed(req.URL.RequestURI()))
		host := req.Host
		if host == "" {
			host = req.URL.Host
		}
		fmt.Fprintf(c.Stderr, "> Host: %s\n", printed(host))
		for _, name := range sortedNames(req.Header) {
			for _, value := range req.Header[name] {
				fmt.Fprintf(c.Stderr, "> %s: %s\n", name, printed(value))
			}
		}
		fmt.Fprintln(c.Stderr, ">")
	}
}
