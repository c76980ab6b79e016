package fetch

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const curlHelp = `  -o FILE, -O           to a file; to one of the URL's name (--output-dir DIR)
  -s, -S                silent; errors are said all the same
  -L                    follow redirects (--max-redirs N)
  -f, --fail-with-body  a status of 400 and above is an error: 22
  -i, -I, -D FILE       with the header; only it; it into a file
  -v                    show what is said to whom
  -X METHOD             -H 'NAME: VALUE'
  -A AGENT              -e REFERER            -b NAME=COOKIE
  -d DATA, -d @FILE     a form; --data-raw, --data-binary, --data-urlencode
  -G, --json DATA       the form as a part of the URL; JSON
  -T FILE               send a file; -: standard input
  -u USER:PASSWORD      -x PROXY
  -k, --cacert FILE     believe any server; who a file vouches for
  -m S                  --connect-timeout S
  -r RANGE, -C N, -C -  a part; from N on; from where the file ends
  -4, -6, --resolve HOST:PORT:ADDRESS, --interface LINK|ADDRESS
  -w FORMAT             %{http_code}, %{time_total} and so on, at the end
  --compressed          -g: braces in a URL are no list
`

// An option of curl that has a long name only is a letter from here on.
const (
	curlRaw = iota + 0x81
	curlBinary
	curlEncode
	curlConnect
	curlResolve
	curlAuthorities
	curlRedirects
	curlJSON
	curlOutDir
	curlFailBody
	curlInterface
	curlCompressed
	curlNone // of no effect here
)

func curlLetters() string {
	b := []byte("sSfLiIvkOGgNq#46V" + "o:X:d:H:u:m:w:T:r:C:A:e:b:x:D:")
	for _, letter := range []byte{curlRaw, curlBinary, curlEncode, curlConnect, curlResolve, curlAuthorities,
		curlRedirects, curlJSON, curlOutDir, curlInterface} {
		b = append(b, letter, ':')
	}
	return string(append(b, curlFailBody, curlCompressed, curlNone))
}

func curlLong() map[string]byte {
	return map[string]byte{
		"silent": 's', "show-error": 'S', "fail": 'f', "location": 'L', "include": 'i', "head": 'I',
		"verbose": 'v', "insecure": 'k', "remote-name": 'O', "get": 'G', "globoff": 'g', "no-buffer": 'N',
		"disable": 'q', "progress-bar": '#', "ipv4": '4', "ipv6": '6', "version": 'V', "output": 'o',
		"request": 'X', "data": 'd', "data-ascii": 'd', "header": 'H', "user": 'u', "max-time": 'm',
		"write-out": 'w', "upload-file": 'T', "range": 'r', "continue-at": 'C', "user-agent": 'A',
		"referer": 'e', "cookie": 'b', "proxy": 'x', "dump-header": 'D', "data-raw": curlRaw,
		"data-binary": curlBinary, "data-urlencode": curlEncode, "connect-timeout": curlConnect,
		"resolve": curlResolve, "cacert": curlAuthorities, "max-redirs": curlRedirects, "json": curlJSON,
		"output-dir": curlOutDir, "fail-with-body": curlFailBody, "compressed": curlCompressed,
		"no-progress-meter": curlNone, "http1.1": curlNone, "tlsv1.2": curlNone, "interface": curlInterface,
	}
}

// A curlPlan is a command line of curl: the same for each of its URLs, but where its output goes.
type curlPlan struct {
	base     request
	outputs  []string // "": as the URL is named; for a URL without one: standard output
	resume   int64    // where to go on; below 0: from what is there
	again    bool     // -C was given
	data     []string
	get      bool
	total    time.Duration
	fail     bool
	failBody bool
	head     bool
	include  bool
	upload   string
}

// plan reads the options.
func (c *curler) plan() error {
	p := &c.curlPlan
	p.base = request{network: "tcp", header: http.Header{"User-Agent": {"curl/8"}, "Accept": {"*/*"}},
		resolve: map[string]string{}}
	p.base.redirects, p.base.follow = 50, c.Has('L')
	for _, o := range c.Options {
		p.word(o.Letter, o.Value)
		if err := p.valued(o.Letter, o.Value, c.Stdin); err != nil {
			return err
		}
	}
	p.head, p.include, p.get = c.Has('I'), c.Has('i') || c.Has('I'), c.Has('G')
	p.fail, p.failBody = c.Has('f'), c.Has(curlFailBody)
	p.base.insecure, p.base.unzip = c.Has('k'), c.Has(curlCompressed)
	return c.method()
}

// word takes an option that can be no wrong one.
func (p *curlPlan) word(letter byte, value string) {
	switch letter {
	case 'o':
		p.outputs = append(p.outputs, value)
	case 'O':
		p.outputs = append(p.outputs, "")
	case 'u':
		name, password, _ := strings.Cut(value, ":")
		p.base.user = url.UserPassword(name, password)
	case 'r':
		p.base.header.Set("Range", "bytes="+value)
	case 'A':
		p.base.header.Set("User-Agent", value)
	case 'e':
		p.base.header.Set("Referer", value)
	case 'T':
		p.upload = value
	case 'x':
		if p.base.proxy = value; value == "" {
			p.base.proxy = "-"
		}
	case '4':
		p.base.network = "tcp4"
	case '6':
		p.base.network = "tcp6"
	case curlAuthorities:
		p.base.authorities = value
	case curlInterface:
		p.base.from = value
	}
}

// valued takes one whose value may be wrong.
func (p *curlPlan) valued(letter byte, value string, stdin io.Reader) (err error) {
	switch letter {
	case 'd', curlRaw, curlBinary, curlEncode, curlJSON:
		return p.addData(letter, value, stdin)
	case 'm':
		p.total, err = seconds(value)
	case curlConnect:
		p.base.connect, err = seconds(value)
	case curlRedirects:
		if p.base.redirects, err = strconv.Atoi(value); p.base.redirects < 0 && err == nil {
			p.base.redirects = 1000
		}
	case curlResolve:
		return p.addResolve(value)
	case 'C':
		p.again, p.resume = true, -1
		if value != "-" {
			p.resume, err = strconv.ParseInt(value, 10, 64)
		}
	case 'b':
		if !strings.Contains(value, "=") {
			return fmt.Errorf("files of cookies are not read: %s", printed(value))
		}
		p.base.header.Set("Cookie", value)
	}
	return err
}

// method is that of the request, and its body.
func (c *curler) method() error {
	p := &c.curlPlan
	r := &p.base
	r.method = http.MethodGet
	kinds := 0
	if p.data != nil && !p.get {
		r.method = http.MethodPost
		if r.header.Get("Content-Type") == "" {
			r.header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		text := strings.Join(p.data, "&")
		r.body = func() (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
		}
		kinds++
	}
	if p.head {
		r.method = http.MethodHead
		kinds++
	}
	if p.upload != "" {
		r.method = http.MethodPut
		r.body = func() (io.ReadCloser, int64, error) {
			if p.upload == "-" {
				return io.NopCloser(c.Stdin), -1, nil
			}
			return openBody(p.upload)
		}
		kinds++
	}
	if kinds > 1 {
		return fmt.Errorf("%w: expected one of -d, -I and -T", errOptions)
	}
	if method, given := c.Value('X'); given {
		r.method, r.keepMethod = method, true
	}
	for _, o := range c.Options {
		if o.Letter == 'H' {
			if err := curlHeader(r, o.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// curlHeader takes one as curl does: "Name:" is not sent, "Name;" is sent empty.
func curlHeader(r *request, text string) error {
	if name, ok := strings.CutSuffix(text, ";"); ok && !strings.Contains(name, ":") {
		r.header[http.CanonicalHeaderKey(name)] = []string{""}
		return nil
	}
	name, value, ok := strings.Cut(text, ":")
	if ok && strings.TrimSpace(value) == "" {
		r.header.Del(strings.TrimSpace(name))
		return nil
	}
	if ok && (strings.EqualFold(name, "Accept") || strings.EqualFold(name, "Authorization")) {
		r.header.Del(name)
	}
	return setHeader(r, text)
}

// addData is a part of a body: @FILE is what it holds, without ends of lines where it is a form.
func (p *curlPlan) addData(letter byte, text string, stdin io.Reader) error {
	name, file := strings.CutPrefix(text, "@")
	switch {
	case letter == curlEncode:
		if file || strings.Contains(text, "@") && !strings.Contains(text, "=") {
			return fmt.Errorf("--data-urlencode reads no files: %s", printed(text))
		}
		before, value, named := strings.Cut(text, "=")
		if !named {
			before, value = "", text
		}
		if text = url.QueryEscape(value); before != "" {
			text = before + "=" + text
		}
	case file && letter != curlRaw:
		b, err := readData(name, stdin)
		if err != nil {
			return err
		}
		if text = string(b); letter == 'd' {
			text = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(text)
		}
	}
	if letter == curlJSON {
		p.base.header.Set("Content-Type", "application/json")
		p.base.header.Set("Accept", "application/json")
	}
	p.data = append(p.data, text)
	return nil
}

// maxData is how much of a file a form may hold; -T sends larger ones.
const maxData = 64 << 20

func readData(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errRead, command.Named(name, err))
		}
		defer f.Close()
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, maxData+1))
	if err == nil && len(b) > maxData {
		err = fmt.Errorf("more than %d MB: -T sends it", maxData>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRead, command.Named(name, err))
	}
	return b, nil
}

// seconds reads 1.5.
func seconds(text string) (time.Duration, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > 1e6 {
		return 0, fmt.Errorf("a number of seconds is expected: %s", printed(text))
	}
	return time.Duration(f * float64(time.Second)), nil
}

// addResolve reads HOST:PORT:ADDRESS.
func (p *curlPlan) addResolve(text string) error {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) == 3 {
		addr := strings.Trim(parts[2], "[]")
		if net.ParseIP(addr) != nil {
			p.base.resolve[strings.ToLower(net.JoinHostPort(parts[0], parts[1]))] = addr
			return nil
		}
	}
	return fmt.Errorf("%w: %s", errResolve, printed(text))
}
