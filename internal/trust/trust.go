// Package trust is whom the appliance believes when somebody shows a certificate: the authorities that
// Mozilla trusts, as of the version of the module that has them. There is no file of them on the disk, so no
// service needs to read one.
package trust

import (
	"crypto/x509"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// module has the authorities.
const module = "golang.org/x/crypto/x509roots/fallback"

// Roots returns a new pool of the authorities, with what some of them may vouch for. The error is that of one
// that cannot be read; the others are in the pool.
func Roots() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	var problem error
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil:
			problem = err
		case root.Constraint != nil:
			pool.AddCertWithConstraint(cert, root.Constraint)
		default:
			pool.AddCert(cert)
		}
	}
	return pool, problem
}

// Date returns when the list of the authorities was made. It is past, so a clock that says an earlier time is
// wrong. Two builds of one source have the same, and it is newer with each new list: it is in the version of
// the module, as Go writes versions without a name. If it has a name, it is the time from which the newest
// authority is valid.
func Date() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if date, ok := dateIn(m.Version); ok && m.Path == module {
				return date
			}
		}
	}
	return newest()
}

// dateIn returns the time in a version as https://go.dev/ref/mod#pseudo-versions has it.
func dateIn(version string) (time.Time, bool) {
	parts := strings.Split(version, "-")
	if len(parts) < 3 {
		return time.Time{}, false
	}
	text := parts[len(parts)-2]
	date, err := time.Parse("20060102150405", text[strings.LastIndexByte(text, '.')+1:])
	return date, err == nil
}

// newest is the time from which the newest authority is valid.
func newest() (date time.Time) {
	for root := range bundle.Roots() {
		if cert, err := x509.ParseCertificate(root.Certificate); err == nil && cert.NotBefore.After(date) {
			date = cert.NotBefore
		}
	}
	return date
}
