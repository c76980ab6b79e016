package machine

import (
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// FuzzRecord: whatever is read is a record or none.
func FuzzRecord(f *testing.F) {
	f.Add("6,339,5140900,-;NET: Registered\n SUBSYSTEM=net\n")
	f.Add("30,340,5140901,-,caller=T1;a\\x0ab\\x1b[2J\\x5c\\x")
	f.Fuzz(func(t *testing.T, text string) {
		if r, ok := parseRecord([]byte(text)); ok && (r.priority < 0 || r.at < 0 || len(r.text) > len(text)) {
			t.Errorf("%q is %+v", text, r)
		}
		if again := harmless(text); harmless(again) != again {
			t.Errorf("%q is not harmless", again)
		}
	})
}

// records are what reads return; nil is one that was overwritten.
type records []string

func (r *records) read(b []byte) (int, error) {
	if len(*r) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	next := (*r)[0]
	*r = (*r)[1:]
	if next == "" {
		return 0, unix.EPIPE
	}
	return copy(b, next), nil
}

// TestLost: what was overwritten is said to be missing where it is.
func TestLost(t *testing.T) {
	var got string
	c := command.Command{Run: func(c *command.Call) {
		all := records{"6,1,1000000,-;one", "", "4,7,2000000,-;no", "6,8,2500000,c;a\\x0ab"}
		v := view{out: c.Stdout, levels: map[int]bool{6: true}}
		if err := followRecords(v, all.read, nil); err == nil {
			t.Error("it has ended without an error")
		}
	}}
	c.Main()(t.Context(), []string{"dmesg"}, nil, writerFunc(func(s string) { got += s }), io.Discard)
	const want = "[    1.000000] one\n(messages are missing here: they were overwritten before they could be read)\n" +
		"[    2.500000] a\n[    2.500000] b\n"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

type writerFunc func(string)

func (f writerFunc) Write(b []byte) (int, error) {
	f(string(b))
	return len(b), nil
}

// TestRTC: a hardware clock's time is the same there and back, whichever it has.
func TestRTC(t *testing.T) {
	for _, in := range []*time.Location{time.UTC, time.FixedZone("", 3600)} {
		at := time.Date(2026, 3, 1, 23, 59, 58, 0, in)
		rtc := toRTC(at)
		if want := (unix.RTCTime{Sec: 58, Min: 59, Hour: 23, Mday: 1, Mon: 2, Year: 126, Wday: 0, Yday: 59}); rtc != want {
			t.Errorf("%v is %+v, want %+v", at, rtc, want)
		}
		if back := fromRTC(&rtc, in); !back.Equal(at) {
			t.Errorf("%v is %v", at, back)
		}
	}
}

// TestPath: dots are slashes as far as there is something, so that names of cards keep theirs.
func TestPath(t *testing.T) {
	there := map[string]bool{}
	for _, p := range []string{"net", "net/conf", "net/conf/eth0", "net/conf/eth0/mtu", "net/conf/eth0.100", "net/conf/eth0.100/mtu"} {
		there[p] = true
	}
	for name, want := range map[string]string{
		"net.conf.eth0.mtu": "net/conf/eth0/mtu", "net.conf.eth0.100.mtu": "net/conf/eth0.100/mtu",
		"net.conf.eth0.100": "net/conf/eth0.100", "net.conf.eth0/100.mtu": "net/conf/eth0.100/mtu",
		"net/conf/eth0.100/mtu": "net/conf/eth0.100/mtu", "net.nosuch.x": "net/nosuch.x", "": "", ".": ".",
	} {
		if got := path(name, func(p string) bool { return there[p] }); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
