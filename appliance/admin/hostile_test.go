package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	dhcprun "github.com/gatehouse-os/gatehouse/services/dhcp/run"
	dnsrun "github.com/gatehouse-os/gatehouse/services/dns/run"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
	radvdrun "github.com/gatehouse-os/gatehouse/services/radvd/run"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	tunnelrun "github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
	"github.com/gatehouse-os/gatehouse/site"
)

// evil is what no terminal may be sent: it clears the screen, names the window, and writes backwards.
const evil = "\x1b[2J\x1b]0;owned\x07\r\u009b31m\u202e\x7f\U000e0041"

// hostile are the results of all methods that commands ask for, each text in which is evil.
func hostile() map[string]map[string]any {
	texts := []string{evil}
	return map[string]map[string]any{
		InitService: {
			"box": fill[Box](), "services": fill[[]supervise.Status](), "hooks": fill[[]hooks.Run](), "log": fill[logs.Dated](),
			"site": fill[box.Running](), "apply": fill[box.Progress](), "confirm": 1, "rollback": 1,
		},
		roster.DHCP: {
			"status": fill[dhcprun.Status](), "leases": fill[[]dhcp.LeaseInfo](), "recent": fill[[]dhcprun.Exchange](), "problems": texts,
		},
		roster.DNS: {
			"status": fill[dnsrun.Status](), "why": fill[dnsrun.Why](), "flush": 1, "log": fill[dnsrun.Line](), "problems": texts,
		},
		roster.WAN:    {"status": fill[wanrun.Status](), "renew": struct{}{}, "release": struct{}{}, "problems": texts},
		roster.Radvd:  {"status": fill[radvdrun.Status](), "stations": fill[[]stationfile.Station](), "problems": texts},
		roster.Tunnel: {"status": fill[tunnelrun.Status](), "problems": texts},
		roster.NTP: {
			"status": fill[ntprun.Status](), "sources": fill[ntprun.Sources](), "clients": fill[ntprun.Clients](), "problems": texts,
		},
		roster.NFLog: {"log": fill[nflog.Line](), "problems": texts},
		roster.SSH:   {"problems": texts},
	}
}

// fill is a value with something in each field. What has a text form of its own has the zero value, but for
// addresses, which may have any text as their zone.
func fill[T any]() T {
	var v T
	fillIn(reflect.ValueOf(&v).Elem(), 0)
	return v
}

func fillIn(v reflect.Value, depth int) {
	if depth > 12 || !v.CanSet() {
		return
	}
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("fe80::1").WithZone(evil)))
		return
	case json.RawMessage, time.Time:
		return
	case json.Marshaler, interface{ MarshalText() ([]byte, error) }:
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(evil)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillIn(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillIn(v.Index(0), depth+1)
		fillIn(v.Index(1), depth+1)
	case reflect.Array:
		for i := range v.Len() {
			fillIn(v.Index(i), depth+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillIn(key, depth+1)
		fillIn(value, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			fillIn(v.Field(i), depth+1)
		}
	}
}

// serveHostile answers all questions by the hostile results, or with errors that are.
func serveHostile(t *testing.T, dir string, errs bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	services := 0
	for service, results := range hostile() {
		mux := control.Mux{}
		for method, result := range results {
			if _, err := json.Marshal(result); err != nil {
				t.Fatalf("%s %s: %v", service, method, err)
			}
			mux[method] = func(_ context.Context, _ json.RawMessage, send func(any) error) error {
				if errs {
					return errors.New(evil)
				}
				return send(result)
			}
		}
		l, err := control.Listen(dir, service)
		if err != nil {
			t.Fatal(err)
		}
		services++
		go func() {
			_ = control.Serve(ctx, l, mux)
			done <- struct{}{}
		}()
	}
	t.Cleanup(func() {
		cancel()
		for range services {
			<-done
		}
	})
}

// hostileKernel says evil things of interfaces, and fails with evil words.
func hostileKernel() Kernel {
	bad := errors.New(evil)
	return Kernel{
		Counters:    func(firewall.Table) (map[string]firewall.Count, error) { return fill[map[string]firewall.Count](), nil },
		Kept:        func(t firewall.Table) (firewall.Table, error) { return t, nil },
		Differences: func(firewall.Table) ([]string, error) { return []string{evil}, nil },
		Ban:         func(string, netip.Prefix, time.Duration) error { return bad },
		Unban:       func(string, netip.Prefix) (int, error) { return 0, bad },
		Bans:        func(string) ([]firewall.Ban, error) { return fill[[]firewall.Ban](), nil },
		Flows:       func(each func(conntrack.Flow)) error { each(fill[conntrack.Flow]()); return nil },
		Forget:      func(func(conntrack.Flow) bool) (int, error) { return 0, bad },
		Limits:      func() (conntrack.Limits, error) { return conntrack.Limits{}, bad },
	}
}

// words are those that each command is tried with, without and with --json.
func words(name string, dir string) [][]string {
	some := map[string][][]string{
		"apply": {{evil}, {"../../examples/home"}}, "confirm": {{"1"}}, "rollback": {{"1"}, {"image"}}, "diff": {{"image", evil}, {"image", "running"}},
		"site": {{filepath.Join(dir, "written"), evil}}, "host": {{"web1"}, {evil}, {"web1", "--site", evil}}, "dhcp why": {{"web1"}, {evil}, {"00:16:3e:20:00:11"}},
		"dns query": {{evil}}, "dns why": {{"web1", "--no-ask"}, {evil}}, "dns flush": {{"--all"}, {evil}}, "dns log": {{"-f", evil}},
		"firewall explain": {{"from", evil, "to", evil}, {"from", "lan", "192.168.32.11", "to", "198.51.100.1", "tcp", "80"}},
		"firewall ban":     {{evil}, {"198.51.100.1"}}, "firewall unban": {{evil}, {"198.51.100.1"}}, "firewall log": {{evil}},
		"wan": {{"-n", "10"}}, "log": {{evil}}, "time why": {{evil}}, "ipv6 why": {{evil}, {"lan"}},
	}[name]
	all := [][]string{{}, {"--json"}}
	for _, w := range some {
		all = append(all, w, append([]string{"--json"}, w...))
	}
	return append(all, []string{"--" + evil}, []string{evil, evil, evil, evil})
}

// names are those of all commands: "dns", "dns why", …
func names(prefix string, all []command) (list []string) {
	for _, c := range all {
		if c.run != nil {
			list = append(list, prefix+c.name)
		}
		list = append(list, names(prefix+c.name+" ", c.sub)...)
	}
	return list
}

// TestHostileAnswers asks all that can be asked of services that answer as badly as they can.
func TestHostileAnswers(t *testing.T) {
	for _, errs := range []bool{false, true} {
		dir, err := os.MkdirTemp("", "admin")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		serveHostile(t, dir, errs)
		var out bytes.Buffer
		env := Env{
			Stdout: &out, Stderr: &out, RunDir: dir, Kernel: hostileKernel(), Stdin: strings.NewReader(evil),
			Site:    func() (*site.Site, error) { return site.Load(os.DirFS("../../examples/office")) },
			Links:   func(plan.Outline) []Link { return fill[[]Link]() },
			Machine: func() (machine.Facts, error) { return fill[machine.Facts](), errors.New(evil) },
			Now:     time.Now, Patience: time.Second, SSHConnection: evil,
			Image: os.DirFS("../../examples/office"), KeptDir: dir, Person: fill[box.Person](),
		}
		said := 0
		for _, name := range append(names("", commands()), evil, "dns "+evil) {
			for _, w := range words(name, dir) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				out.Reset()
				Run(ctx, env, append(strings.SplitN(name, " ", 2), w...))
				cancel()
				if bad := unprintable(out.String()); bad != "" {
					t.Errorf("gatehouse %s %q (errors: %v) sends a terminal %q in\n%q", name, w, errs, bad, out.String())
				}
				if strings.Contains(out.String(), "owned") {
					said++
				}
			}
		}
		// The answers have to have been read, or nothing was tried.
		if most := 40; said < most {
			t.Errorf("errors: %v: %d command lines have shown what they were told, want %d at least", errs, said, most)
		}
		t.Logf("errors: %v: %d have shown it", errs, said)
	}
}

// unprintable is the first character that a terminal could act on.
func unprintable(text string) string {
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 || r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return text[:size]
		}
		text = text[size:]
	}
	return ""
}
