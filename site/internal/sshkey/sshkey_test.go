package sshkey

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// samples returns one line for each of Types, and one for an ssh-rsa key of few bits,
// all made by golang.org/x/crypto/ssh.
func samples(t testing.TB) []string {
	t.Helper()
	edwards := make([]byte, ed25519.PublicKeySize)
	var keys []any
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.ParseUncompressedPublicKey(curve, basePoint(curve))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	keys = append(keys, ed25519.PublicKey(edwards),
		&rsa.PublicKey{N: modulus(2048), E: 65537}, &rsa.PublicKey{N: modulus(1023), E: 3})

	var lines []string
	add := func(kind string, blob []byte) {
		lines = append(lines, kind+" "+base64.StdEncoding.EncodeToString(blob)+" someone@host  of two words")
	}
	for _, k := range keys {
		public, err := ssh.NewPublicKey(k)
		if err != nil {
			t.Fatal(err)
		}
		add(public.Type(), public.Marshal())
	}
	sk := func(kind string, parts ...any) {
		blob := ssh.Marshal(struct{ Type string }{kind})
		for _, p := range parts {
			blob = append(blob, ssh.Marshal(p)...)
		}
		add(kind, blob)
	}
	type text struct{ Text string }
	type octets struct{ Octets []byte }
	sk(ssh.KeyAlgoSKED25519, octets{edwards}, text{"ssh:"})
	sk(ssh.KeyAlgoSKECDSA256, text{"nistp256"}, octets{basePoint(elliptic.P256())}, text{"ssh:"})
	return lines
}

// modulus returns a number of so many bits, which is no product that anybody knows.
func modulus(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.Add(n, big.NewInt(0x1234567))
}

// basePoint returns the one point of a curve that everybody knows (SEC 1 2.3.3).
func basePoint(curve elliptic.Curve) []byte {
	p := curve.Params()
	point := make([]byte, 1+2*((p.BitSize+7)/8))
	half := len(point) / 2
	point[0] = 4
	p.Gx.FillBytes(point[1 : 1+half])
	p.Gy.FillBytes(point[1+half:])
	return point
}

// TestTypes takes a key of every type.
func TestTypes(t *testing.T) {
	found := map[string]int{}
	for _, line := range samples(t) {
		key, err := Parse("  " + line + "\r")
		if err != nil || key.Comment != "someone@host  of two words" || key.Options != "" {
			t.Errorf("%s: %+v, %v", line, key, err)
		}
		found[key.Type] = key.RSABits
		agree(t, line)
	}
	for _, kind := range Types() {
		if _, ok := found[kind]; !ok {
			t.Errorf("no sample of %s", kind)
		}
	}
	if found["ssh-rsa"] != 1023 || found["ssh-ed25519"] != 0 {
		t.Errorf("bits: %v", found)
	}
}

// TestRSA has moduli and exponents at their bounds.
func TestRSA(t *testing.T) {
	for _, tt := range []struct {
		bits uint
		e    int
		bad  bool
	}{
		{bits: 16384, e: 65537}, {bits: 16385, e: 65537, bad: true},
		{bits: 3072, e: 3}, {bits: 3072, e: 1<<24 - 1}, {bits: 3072, e: 1<<24 + 1, bad: true},
		{bits: 3072, e: 1, bad: true}, {bits: 3072, e: 4, bad: true}, {bits: 3072, e: 0, bad: true},
	} {
		public, err := ssh.NewPublicKey(&rsa.PublicKey{N: modulus(tt.bits), E: tt.e})
		if err != nil {
			t.Fatal(err)
		}
		line := string(ssh.MarshalAuthorizedKey(public))
		key, err := Parse(line)
		if (err != nil) != tt.bad || !tt.bad && key.RSABits != int(tt.bits) {
			t.Errorf("%d bits, exponent %d: %+v, %v", tt.bits, tt.e, key, err)
		}
		agree(t, strings.TrimSpace(line))
	}
}

// TestLines has what is around a key.
func TestLines(t *testing.T) {
	const options = `from="192.0.2.1 \" x",restrict`
	key := strings.Join(strings.Fields(samples(t)[3])[:2], " ")
	for _, tt := range []struct {
		line, options, comment string
		bad                    bool
	}{
		{line: key},
		{line: key + "\tx", comment: "x"},
		{line: options + " " + key + " name", options: options, comment: "name"},
		{line: ", " + key, options: ","},
		{line: "restrict " + strings.Fields(key)[1], bad: true},
		{line: "ssh-rsa " + strings.Fields(key)[1], bad: true},
		{line: `from="192.0.2.1 ` + key, bad: true},
		{line: "a b " + key, bad: true},
		{line: "ssh-ed25519", bad: true},
		{line: "ssh-ed25519 AAAA", bad: true},
		{line: "", bad: true},
	} {
		got, err := Parse(tt.line)
		if (err != nil) != tt.bad || got.Options != tt.options || got.Comment != tt.comment {
			t.Errorf("%s: %+v, %v", tt.line, got, err)
		}
		agree(t, tt.line)
	}
}

// agree compares Parse with golang.org/x/crypto/ssh.
func agree(t *testing.T, line string) {
	t.Helper()
	if strings.Contains(line, "\n") { // of which the other reads the first that it likes
		return
	}
	ours, err := Parse(line)
	theirs, comment, options, _, theirErr := ssh.ParseAuthorizedKey([]byte(line))
	known := err == nil && ours.Options == "" && slices.Contains(Types(), ours.Type)
	switch {
	case known && theirErr != nil:
		t.Errorf("%q is %+v, but to the server: %v", line, ours, theirErr)
	case known:
		want := Key{"", theirs.Type(), comment, rsaBits(theirs)}
		if ours != want || len(options) > 0 {
			t.Errorf("%q is %+v, but to the server %+v with options %q", line, ours, want, options)
		}
	case theirErr != nil || err == nil && ours.Options != "":
		// To ask for a line without options is no worse than to ignore some.
	case slices.Contains(Types(), theirs.Type()) && rsaSign(theirs) > 0:
		t.Errorf("%q is %+v, %v, but to the server a key of type %s", line, ours, err, theirs.Type())
	}
}

func rsaKey(key ssh.PublicKey) *rsa.PublicKey {
	if public, ok := key.(ssh.CryptoPublicKey); ok {
		if k, ok := public.CryptoPublicKey().(*rsa.PublicKey); ok {
			return k
		}
	}
	return nil
}

func rsaBits(key ssh.PublicKey) int {
	if k := rsaKey(key); k != nil {
		return k.N.BitLen()
	}
	return 0
}

// rsaSign is not positive for a modulus that no key has, which the other reads.
func rsaSign(key ssh.PublicKey) int {
	if k := rsaKey(key); k != nil {
		return k.N.Sign()
	}
	return 1
}

// TestBroken compares both on keys with some bytes changed, cut off or added, of the
// blob and of the line.
func TestBroken(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lines := samples(t)
	taken := 0
	for range 20_000 {
		words := strings.SplitN(lines[r.IntN(len(lines))], " ", 3)
		blob, err := base64.StdEncoding.DecodeString(words[1])
		if err != nil {
			t.Fatal(err)
		}
		words[1] = base64.StdEncoding.EncodeToString(damaged(r, blob))
		line := strings.Join(words, " ")
		if r.IntN(4) == 0 {
			line = string(damaged(r, []byte(line)))
		}
		agree(t, line)
		if _, err := Parse(line); err == nil {
			taken++
		}
		if t.Failed() {
			return
		}
	}
	if taken < 1000 {
		t.Errorf("only %d lines were keys: the damage is too great to compare anything", taken)
	}
}

// damaged changes a byte, near the start more often than elsewhere, where lengths are.
func damaged(r *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	at := r.IntN(1 + r.IntN(len(b)))
	switch r.IntN(6) {
	case 0:
		return b[:at]
	case 1:
		return append(b, byte(r.IntN(256)))
	case 2:
		return slices.Insert(b, at, byte(r.IntN(256)))
	case 3:
		return slices.Delete(b, at, at+1)
	default:
		b[at] ^= 1 << r.IntN(8)
	}
	return b
}

// FuzzParse compares both on anything.
func FuzzParse(f *testing.F) {
	for _, line := range samples(f) {
		f.Add(line)
		f.Add("restrict " + line)
	}
	f.Fuzz(agree)
}
