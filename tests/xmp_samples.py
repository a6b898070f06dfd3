"""Sidecars in the manner of other programs, and reading them with exiftool."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

EXIFTOOL = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed (libimage-exiftool-perl)")

# Properties as elements, structures as rdf:parseType="Resource", as Exiv2 writes them; a 400 x 200 photo.
DIGIKAM = """<?xml version="1.0" encoding="UTF-8"?>
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <!-- a remark -->
  <rdf:Description rdf:about=""
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:MP="http://ns.microsoft.com/photo/1.2/"
    xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
    xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
   digiKam:PickLabel="3"
   xmp:Rating="4">
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>Places/Köln</rdf:li>
     <rdf:li>People/Family/Bert</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Köln</rdf:li>
     <rdf:li>Bert</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <MP:RegionInfo rdf:parseType="Resource">
    <MPRI:Regions>
     <rdf:Bag>
      <rdf:li MPReg:PersonDisplayName="Bert" MPReg:Rectangle="0.7, 0.2, 0.1, 0.2"/>
     </rdf:Bag>
    </MPRI:Regions>
   </MP:RegionInfo>
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions stDim:w="400" stDim:h="200" stDim:unit="pixel"/>
    <mwg-rs:RegionList>
     <rdf:Bag>
      <rdf:li>
       <rdf:Description mwg-rs:Name="Bert" mwg-rs:Type="Face">
        <mwg-rs:Area stArea:x="0.75" stArea:y="0.3" stArea:w="0.1" stArea:h="0.2" stArea:unit="normalized"/>
       </rdf:Description>
      </rdf:li>
      <rdf:li>
       <rdf:Description mwg-rs:Type="Focus" mwg-rs:FocusUsage="EvaluatedUsed">
        <mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="0.02" stArea:h="0.02" stArea:unit="normalized"/>
       </rdf:Description>
      </rdf:li>
     </rdf:Bag>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

# Several descriptions, other prefixes than usual, line breaks in an attribute, an unnamed face with data of its own.
LIGHTROOM = """<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0-c000">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
    xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
    crs:Exposure2012="+0.35" photoshop:Instructions="first line&#xA;second &lt;line&gt; &quot;quoted&quot;">
   <crs:ToneCurvePV2012><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>255, 255</rdf:li></rdf:Seq></crs:ToneCurvePV2012>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:hier="http://ns.adobe.com/lightroom/1.0/"
    xmlns:dc="http://example.invalid/not-dublin-core/" dc:subject="theirs"
    xmlns:R="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:D="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:A="http://ns.adobe.com/xmp/sType/Area#">
   <hier:hierarchicalSubject><rdf:Bag>
     <rdf:li>People</rdf:li><rdf:li>People|Friends</rdf:li><rdf:li>People|Friends|Carla</rdf:li><rdf:li>Trip|2024</rdf:li>
   </rdf:Bag></hier:hierarchicalSubject>
   <R:Regions rdf:parseType="Resource">
    <R:AppliedToDimensions D:w="4000" D:h="2000" D:unit="pixel"/>
    <R:RegionList><rdf:Bag>
      <rdf:li><rdf:Description R:Rotation="0.07" R:Type="Face"><R:Area A:x="0.25" A:y="0.5" A:w="0.125" A:h="0.25"/>
      </rdf:Description></rdf:li>
    </rdf:Bag></R:RegionList>
   </R:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>"""


def exiftool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert EXIFTOOL is not None
    run = subprocess.run([EXIFTOOL, *arguments], capture_output=True, encoding="utf-8", check=False)
    assert run.returncode == 0, run.stderr
    return run


def seen_by_exiftool(path: Path) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(exiftool("-j", "-struct", "-G1", path).stdout)[0]
    assert not [key for key in seen if key.endswith((":Warning", ":Error"))], seen
    return seen


# A document with one region, of Anna, on a 400 x 200 photo.
WRAP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"'
    ' xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"'
    ' xmlns:digiKam="http://www.digikam.org/ns/1.0/">{}</rdf:Description></rdf:RDF></x:xmpmeta>'
)
REGION = (
    '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="{w}" stDim:h="{h}"/>'
    "<mwg-rs:RegionList><rdf:Bag><rdf:li mwg-rs:Name='Anna' mwg-rs:Type='{type}'>"
    "<mwg-rs:Area {area}/></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
)


LISTED = "<digiKam:TagsList><rdf:Seq><rdf:li>People/Anna</rdf:li></rdf:Seq></digiKam:TagsList>"


def one_region(made_on: tuple[object, object] = (400, 200), kind: str = "Face", **area: object) -> str:
    area = {"x": 0.5, "y": 0.5, "w": 0.1, "h": 0.2} | area
    written = " ".join(f'stArea:{key}="{value}"' for key, value in area.items())
    return WRAP.format(REGION.format(w=made_on[0], h=made_on[1], type=kind, area=written))


def with_more(xmp: str, more: str) -> str:
    return xmp.replace("</rdf:Description>", f"{more}</rdf:Description>")
