package chain

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// What the chain adds to a question that is asked outside: the time of those who are asked is not in it.
func BenchmarkAsk(b *testing.B) {
	w := far(b)
	said := new(dns.Msg)
	said.SetReply(question("shops.far.org", dns.TypeA))
	rr, err := dns.NewRR("shops.far.org. 300 A 198.51.100.7")
	if err != nil {
		b.Fatal(err)
	}
	said.Answer = []dns.RR{rr}
	raw := packed(b, said)
	w.raw = func(query []byte) []byte {
		w.asked = nil
		answer := slices.Clone(raw)
		copy(answer, query[:2])
		return answer
	}
	c, query := w.chain(), packed(b, question("shops.far.org", dns.TypeA))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Ask(b.Context(), query); err != nil {
			b.Fatal(err)
		}
	}
}

// What the full server takes for a question that the front would answer by itself.
func BenchmarkServe(b *testing.B) {
	c, query := far(b).chain(), packed(b, question("web1.home.example", dns.TypeA))
	b.ReportAllocs()
	for b.Loop() {
		c.Serve(b.Context(), query, client, false)
	}
}
