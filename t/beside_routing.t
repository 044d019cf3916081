#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the ways of a request through locations beside merging: what rewrites,
# tries, conditions and redirects lead to, before a request is held and when its
# call is on its way.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ sum0 /;

use Test::LLMBatch;
use Test::LLMBatch::Beside;

my $t = Test::LLMBatch->new('beside routing')
	->has(qw/ llm_batch http_rewrite http_map /);
my $mock = $t->backend(8081, code => sub ($call) {
	my ($to) = $call->{uri} =~ m!^/accel(\w+)/! or return {};
	return { headers => { 'X-Accel-Redirect' =>
		$to eq 'file' ? '/file' : "\@$to" } };
});
my $other = $t->backend(8082);
my $batch = batch();

$t->conf(<<"CONF", workers => 2, http => <<'HTTP');
location /accelnamed/ {
    $batch
    proxy_pass http://backend;
}

location /accelfile/ {
    $batch
    proxy_pass http://backend;
}

location \@named {
    rewrite ^/\\w+(/.*) \$1 break;
    proxy_pass http://%%ADDR%%:8082;
}

location = /file {
    internal;
    $batch
    root %%DIR%%;
}

location /last/ {
    rewrite ^/last(.*) /lasted\$1 last;
}

location /lasted/ {
    $batch
    proxy_pass http://backend/;
}

location /break/ {
    $batch
    rewrite ^/break(.*) \$1 break;
    proxy_pass http://backend;
}

location /tryuri/ {
    $batch
    try_files /nothing /lasted/v1/embeddings;
}

location /trynamed/ {
    $batch
    try_files /nothing \@named;
}

location /trycode/ {
    $batch
    try_files /nothing =404;
}

location /if/ {
    $batch
    if (\$http_x_way = other) {
        rewrite ^/if(.*) \$1 break;
        proxy_pass http://%%ADDR%%:8082;
    }
    proxy_pass http://backend/;
}

location /ifoff/ {
    $batch
    if (\$http_x_way = other) {
        llm_batch off;
    }
    rewrite ^/ifoff(.*) \$1 break;
    proxy_pass http://backend;
}

location /ifon/ {
    llm_batch_window fixed;
    llm_batch_max_size @{[ N ]};
    llm_batch_max_wait 10s;
    if (\$http_x_way = other) {
        llm_batch zone=llm;
    }
    rewrite ^/ifon(.*) \$1 break;
    proxy_pass http://backend;
}

location ~ ^/capture/(?<rest>v1/(.*))\$ {
    $batch
    proxy_pass http://backend/\$rest?of=\$2;
}

location /teapot/ {
    error_page 418 = \@teapot;
    return 418;
}

location \@teapot {
    $batch
    rewrite ^/teapot(.*) \$1 break;
    proxy_pass http://backend;
}

location /split/ {
    $batch
    llm_batch_vary \$pool;
    llm_batch_ignore_headers X-Client;
    proxy_pass http://\$pool;
    rewrite ^/split(.*) \$1 break;
}

location /mirrored/ {
    $batch
    mirror /mirror;
    proxy_pass http://backend/;
}

location = /mirror {
    internal;
    proxy_pass http://%%ADDR%%:8082/mirror;
}
CONF
split_clients $http_x_client $pool { 50% one; * two; }
upstream one { server %%ADDR%%:8081; }
upstream two { server %%ADDR%%:8082; }
HTTP

$t->write_file('file', "the file\n");
$t->run();

is_merged($t, $mock, $_) for qw/ last break tryuri capture teapot mirrored /;
is_merged($t, $other, 'trynamed');

# the answer of one upstream sends the call to the other

$other->reset();
is_merged($t, $mock, 'accelnamed');
is(sizes($other), N, 'accelnamed: one call there, too');

my @r = together($t, 'accelfile');

is((grep { $_->{body} eq "the file\n" } @r), N, 'accelfile: the file');

is(statuses(together($t, 'trycode')), 404, 'trycode: 404');

# conditions

my %way = (headers => { 'X-Way' => 'other' });

is_merged($t, $mock, 'if');
is_merged($t, $other, 'if', more => { %way }, name => 'if, other');

is_merged($t, $mock, 'ifoff');
is_merged($t, $mock, 'ifoff', more => { %way }, name => 'ifoff, other',
	sizes => join ' ', (1) x N);

is_merged($t, $mock, 'ifon', sizes => join ' ', (1) x N);
is_merged($t, $mock, 'ifon', more => { %way }, name => 'ifon, other');

# two upstreams, by what a client is

$mock->reset();
$other->reset();

@r = $t->client()->finish($t->client()->start(map {
	one('split', "split $_", headers => { 'X-Client' => $_ % 2 ? 'odd' : 'e' })
} 1 .. 2 * N));

is_own_answer(\@r, 'split: own answers');
is(sum0(map { $_->{items} } $mock->calls(), $other->calls()), 2 * N,
	'split: each sent once');
is($mock->count() + $other->count(), 2, 'split: two calls');

$t->done();
