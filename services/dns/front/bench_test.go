package front

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/bench/dns/generate"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// serveEnv has this program be the server of a benchmark, on the link that it names, and not test anything.
const serveEnv = "GATEHOUSE_FRONT_SERVES"

func TestMain(m *testing.M) {
	if link := os.Getenv(serveEnv); link != "" {
		serve(link)
	}
	os.Exit(m.Run())
}

func serve(link string) {
	s, err := Listen(link, Options{Worker: func() Worker { return echo{} }, Log: slog.Default()})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s.Serve()
	fmt.Println("serves")
	select {}
}

// A bench is a server in a process of its own, and who asks it from the other end of a wire.
type bench struct {
	server    int // process
	generator *generate.Generator
}

func newBench(tb testing.TB) *bench {
	router, client := testnet.New(tb, "router"), testnet.New(tb, "client")
	router.Connect("lan", client, "eth0")
	router.AddAddr("lan", "192.0.2.1/24")
	client.AddAddr("eth0", "192.0.2.10/24")
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), serveEnv+"=lan")
	p := router.Start(cmd)
	testnet.Eventually(tb, 10*time.Second, "the server serves", func() bool {
		return strings.Contains(p.Output(), "serves")
	})
	var queries [][]byte
	for i := range 100 {
		q := question(tb, 0, fmt.Sprintf("host%d.example.", i))
		q[len(q)-3] = byte(dns.TypeA)
		queries = append(queries, q)
	}
	b := &bench{server: cmd.Process.Pid}
	if err := client.Do(func() (err error) {
		server := netip.MustParseAddrPort("192.0.2.1:53")
		b.generator, err = generate.New(generate.Options{Server: server, Queries: queries})
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.generator.Close() })
	return b
}

// spent returns the processor time of the server; it is counted in hundredths of a second.
func (b *bench) spent(tb testing.TB) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.server))
	if err != nil {
		tb.Fatal(err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks int
	for _, f := range fields[11:13] { // utime and stime (proc(5))
		n, err := strconv.Atoi(string(f))
		if err != nil {
			tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// BenchmarkUDP asks as fast as there are answers, 64 queries on the way at a time. Of interest are the
// processor time of the server for a query, and answers a second.
func BenchmarkUDP(b *testing.B) {
	s := newBench(b)
	b.ResetTimer()
	before := s.spent(b)
	r, err := s.generator.Flood(b.Context(), 64, b.N)
	if err != nil || r.Lost > 0 {
		b.Fatalf("%v: %s", err, r)
	}
	b.ReportMetric(float64((s.spent(b)-before).Nanoseconds())/float64(b.N)/1000, "cpu-µs/query")
	b.ReportMetric(r.PerSecond(), "answers/s")
}

// BenchmarkPace asks 20,000 times a second for as long as that takes, whatever is answered.
func BenchmarkPace(b *testing.B) {
	s := newBench(b)
	ctx, cancel := context.WithTimeout(b.Context(), max(time.Second, time.Duration(b.N)*50*time.Microsecond))
	defer cancel()
	b.ResetTimer()
	r, err := s.generator.Pace(ctx, 20000)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(r.Percentile(50).Microseconds()), "p50-µs")
	b.ReportMetric(float64(r.Percentile(99).Microseconds()), "p99-µs")
	b.ReportMetric(float64(r.Lost), "lost")
	b.ReportMetric(float64(r.Behind.Microseconds()), "behind-µs")
}
