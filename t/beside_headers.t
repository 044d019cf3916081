#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what nginx makes of an upstream's headers beside merging: its filters
# find them in a merged answer where they find them in any other, so a client
# gets the headers that it gets alone.  Also over workers.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ min uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Beside;

my $t = Test::LLMBatch->new('beside filters of headers')->has('llm_batch');
my $mock = $t->backend();

my $batch = <<'CONF';
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;
proxy_pass http://backend/;
CONF

my %sent = (
	'cache-control' => [ 'max-age=60', 'public' ],
	'expires' => 'Thu, 01 Jan 2037 00:00:01 GMT',
	'link' => [ '</a>; rel=next', '</b>; rel=prev' ],
	'x-of-upstream' => [ 'one', 'two' ],
);

my %rejected = ('www-authenticate' => [ 'Basic realm="a"', 'Bearer' ],
	'location' => 'http://old/there', 'refresh' => '5; url=http://old/then',
	'cache-control' => 'no-store');

for my $workers (1, 3) {
	$t->conf(<<"CONF", workers => $workers);
location /plain/ {
    $batch
}

location /limited/ {
    @{[ batch() ]}
    proxy_pass http://backend/;
}

location /expires/ {
    expires 1h;
    $batch
}

location /epoch/ {
    expires epoch;
    $batch
}

location /sent/ {
    add_header X-Sent "\$sent_http_cache_control|\$sent_http_expires" always;
    add_header X-Link "\$sent_http_link|\$sent_http_location" always;
    add_header Cache-Control added always;
    add_trailer X-Trailer \$sent_http_cache_control;
    $batch
}

location /gzip/ {
    gzip on;
    gzip_min_length 1;
    gzip_types application/json;
    gzip_proxied no-store;
    $batch
}

location /moved/ {
    proxy_redirect http://old/ http://new/;
    $batch
}

location /charset/ {
    charset windows-1251;
    override_charset on;
    charset_types application/json;
    $batch
}

location /charset_off/ {
    charset off;
    $batch
}
CONF
	$t->write_file_expand('nginx.conf', $t->{conf} =~ s{(    upstream backend)}
		{    charset_map windows-1251 utf-8 { 80 D082; }\n$1}r);
	$t->run();

	as_alone('plain', headers => { %sent });
	as_alone('expires', headers => { %sent });
	as_alone('expires', headers => {});
	as_alone('epoch', headers => { %sent });
	as_alone('sent', headers => { %sent });
	as_alone('gzip', headers => { %sent });
	as_alone('gzip', headers => { %sent, 'cache-control' => 'no-store' });

	as_alone($_, status => 401, headers => { %rejected })
		for qw/ plain moved sent /;
	as_alone('moved', status => 403, headers => { location => '/there' });

	for my $type ('; charset=utf-8', ' ; x=y; Charset="UTF-8"', '; x=y') {
		as_alone($_, type => "application/json$type", headers => {})
			for qw/ plain charset charset_off gzip /;
	}

	as_alone($_, headers => { 'x-accel-charset' => 'utf-8' })
		for qw/ plain charset /;

	limited();

	$t->quit() if $workers == 1;
}

$t->done();


sub ask($where, $text) {
	return one($where, $text,
		headers => { 'Accept-Encoding' => 'gzip', Via => '1.1 proxy' });
}

# all headers but those that are not the same twice

sub fields($r) {
	my %all = %{$r->{all}};

	delete @all{qw/ date content-length /, grep { /^x-(?!sent|link|of)/ }
		keys %all};

	for my $values (values %all) {
		s/\d\d:\d\d:\d\d/time/ for @$values;
	}

	return join "\n", map { my $name = $_;
		map { "$name: $_" } @{$all{$name}} } sort keys %all;
}

sub as_alone($where, %how) {
	my $name = join ' ', $where, $how{type} // (),
		map { ref $_ ? @$_ : $_ } $how{headers}{'cache-control'} // ();

	$mock->reset();
	$mock->script(%how);

	my $alone = $t->request(ask($where, 'alone'));
	my @r = $t->plugged($mock, [ map { ask($where, "text $_") } 1 .. N ]);

	is(join(' ', map { $_->{items} } $mock->calls()), '1 1 ' . N,
		"$name: one call");
	is(statuses(@r), $how{status} // 200, "$name: status");
	is(join("\n---\n", uniq map { fields($_) } @r), fields($alone),
		"$name: headers as alone");
}

# how fast an answer may be sent is said to the one who sends it

sub limited {
	my %how = (headers => { 'x-accel-limit-rate' => 100 });
	my @r = is_merged($t, $mock, 'limited', how => \%how);

	cmp_ok(min(map { $_->{time} } @r), '>', 2, 'limited: all of them');
}
