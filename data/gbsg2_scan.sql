-- The same trial with the scan form, for conditions, sums and groups over whole columns. CHECK declares a column's domain: the
-- narrower, the cheaper. text(scan, n) is text of at most n different values, which stay the owner's secret.
CREATE TABLE gbsg2_scan (
	horth    bool(scan)    NOT NULL,
	age      u8(scan)      NOT NULL CHECK (age BETWEEN 18 AND 100),
	menostat text(scan, 2) NOT NULL,
	tsize    u8(scan)      NOT NULL,
	tgrade   text(scan, 3) NOT NULL,
	pnodes   u8(scan)      NOT NULL CHECK (pnodes BETWEEN 0 AND 60),
	progrec  u16(payload)  NOT NULL,
	estrec   u16(payload)  NOT NULL,
	time     u16(scan)     NOT NULL CHECK (time BETWEEN 0 AND 4000),
	cens     bool(scan)    NOT NULL
);
