package site

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// TestMemory: a site keeps what it says, and not all that was needed to read it. A small appliance has two of them in
// memory while one is on trial.
func TestMemory(t *testing.T) {
	const hosts, most = 10_000, 700 // bytes a host, of which its Host has a third
	fsys := defaultSite(t)
	toml := strings.ReplaceAll(string(fsys["site.toml"].Data), "192.168.32.1/24", "192.168.32.1/8")
	var lines, cards strings.Builder
	for i := range hosts {
		fmt.Fprintf(&lines, "192.%d.%d.1 host%d\n", i/250, i%250, i)
		fmt.Fprintf(&cards, "02:00:5e:00:%02x:%02x host%d\n", i>>8, i&255, i)
	}
	for name, text := range map[string]string{"site.toml": toml, "hosts": lines.String(), "ethers": cards.String()} {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	before := heap()
	s, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if each := (heap() - before) / hosts; each > most || len(s.Hosts) != hosts {
		t.Errorf("each of %d hosts takes %d bytes, want at most %d", len(s.Hosts), each, most)
	}
	runtime.KeepAlive(s)
}

// heap returns how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // the first one leaves what has a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
